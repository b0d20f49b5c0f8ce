-- Links of identities under way (design D16): a row until all its events have had their effect, or none of them. The events lie
-- here sealed as they will on the log, so that whoever finds the row can bring it to its end.
CREATE TABLE ledger.link (
    tenant text NOT NULL,
    command uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('link', 'unlink', 'delete')),
    events bytea[] NOT NULL CHECK (cardinality(events) > 0),
    undo bytea,
    touched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, command)
);
COMMENT ON COLUMN ledger.link.undo IS 'The event that takes the first one back when the second one is refused';

CREATE TABLE ledger.link_party (
    tenant text NOT NULL,
    subject text NOT NULL,
    command uuid NOT NULL,
    CONSTRAINT link_party_unique PRIMARY KEY (tenant, subject),
    FOREIGN KEY (tenant, command) REFERENCES ledger.link ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX link_party_command ON ledger.link_party (tenant, command);
COMMENT ON TABLE ledger.link_party IS 'Who is being linked: one command at a time for each';

ALTER TABLE ledger.link ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.link_party ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.link USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.link_party USING (tenant = current_setting('vita.tenant', true));
