-- The audit trail (design D10): one Merkle tree per partition of profile.events. Rows are only ever added.

CREATE SCHEMA trail;

CREATE TABLE trail.leaf (
    partition integer NOT NULL CHECK (partition >= 0),
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    log_offset bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    tenant text,
    subject text,
    type text,
    time timestamptz,
    PRIMARY KEY (partition, leaf_index)
);
CREATE INDEX leaf_by_subject ON trail.leaf (tenant, subject, partition, leaf_index);
COMMENT ON TABLE trail.leaf IS 'One row per record of the log, in order; also the index from a person to the person''s records.';

CREATE TABLE trail.append (
    partition integer NOT NULL CHECK (partition >= 0),
    size_before bigint NOT NULL CHECK (size_before >= 0),
    size_after bigint NOT NULL CHECK (size_after > size_before),
    next_offset bigint NOT NULL,
    frontier bytea NOT NULL CHECK (octet_length(frontier) = 32 * bit_count(size_after::bit(64))),
    PRIMARY KEY (partition, size_before)
);
COMMENT ON TABLE trail.append IS
    'One row per batch and partition: the newest is the position, and its key fences out whoever appends to an older tree.';
COMMENT ON COLUMN trail.append.frontier IS 'The roots of the perfect subtrees after the batch, largest first, 32 bytes each.';

CREATE TABLE trail.node (
    partition integer NOT NULL CHECK (partition >= 0),
    level integer NOT NULL CHECK (level > 0 AND level % 8 = 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (partition, level, index)
);
COMMENT ON TABLE trail.node IS 'The roots over every 256, 65,536, ... leaves, so that a proof reads few rows.';

CREATE TABLE trail.checkpoint (
    id bigint PRIMARY KEY CHECK (id > 0),
    time timestamptz NOT NULL,
    body text NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL
);
COMMENT ON TABLE trail.checkpoint IS 'Signed texts with the size and root of every tree, numbered without gaps.';

-- Hashes only: the part of other tenants' leaves that a proof needs.
CREATE VIEW trail.leaf_hash AS SELECT partition, leaf_index, hash FROM trail.leaf;

-- First protection: roles are granted INSERT and SELECT only.
ALTER TABLE trail.leaf ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON trail.leaf USING (tenant = current_setting('vita.tenant', true));

-- Second protection: not even the owner can change a row. A superuser can; `vita audit verify` detects it.
CREATE FUNCTION trail.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'the audit trail is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail.leaf
    FOR EACH STATEMENT EXECUTE FUNCTION trail.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail.append
    FOR EACH STATEMENT EXECUTE FUNCTION trail.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail.node
    FOR EACH STATEMENT EXECUTE FUNCTION trail.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION trail.refuse_change();
