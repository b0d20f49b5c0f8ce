-- The searchable data. `search` changes with a person's attributes, `activity` with every login; they are separate, so that a login
-- rewrites no text index. `search_leaf` has values without a column: metadata, identities, provider extras, memberships (leaf.py). Texts
-- compare by code point on every server, so that one index serves equality, prefixes, ranges and order. Every index ends with the
-- subject, so that a page can start after any person.
CREATE TABLE search (
    tenant text NOT NULL,
    subject text NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    email text COLLATE "C",
    email_folded text COLLATE "C",
    email_domain text COLLATE "C",
    email_verified boolean,
    username text COLLATE "C",
    phone_number text COLLATE "C",
    phone_verified boolean,
    name_folded text COLLATE "C",
    nickname_folded text COLLATE "C",
    given_name_folded text COLLATE "C",
    family_name_folded text COLLATE "C",
    blocked boolean,
    connections text[] NOT NULL,
    unsearchable text[] NOT NULL,
    PRIMARY KEY (tenant, subject)
);
CREATE INDEX search_user_id ON search (tenant, user_id, subject);
CREATE INDEX search_created ON search (tenant, created_at, subject);
CREATE INDEX search_email ON search (tenant, email);
CREATE INDEX search_email_folded ON search (tenant, email_folded, subject);
CREATE INDEX search_email_domain ON search (tenant, email_domain, subject);
CREATE INDEX search_email_verified ON search (tenant, email_verified, subject);
CREATE INDEX search_username ON search (tenant, username, subject);
CREATE INDEX search_phone_number ON search (tenant, phone_number, subject);
CREATE INDEX search_phone_verified ON search (tenant, phone_verified, subject);
CREATE INDEX search_name ON search (tenant, name_folded, subject);
CREATE INDEX search_nickname ON search (tenant, nickname_folded, subject);
CREATE INDEX search_family_name ON search (tenant, family_name_folded, subject);
CREATE INDEX search_given_name ON search (tenant, given_name_folded, subject);
CREATE INDEX search_blocked ON search (tenant, blocked, subject);
CREATE INDEX search_unsearchable ON search (tenant, subject) WHERE unsearchable <> '{}';
CREATE INDEX search_infix ON search USING gin (
    user_id gin_trgm_ops, email_folded gin_trgm_ops, email_domain gin_trgm_ops, username gin_trgm_ops, phone_number gin_trgm_ops,
    name_folded gin_trgm_ops, nickname_folded gin_trgm_ops, given_name_folded gin_trgm_ops, family_name_folded gin_trgm_ops
);

CREATE TABLE activity (
    tenant text NOT NULL,
    subject text NOT NULL,
    updated_at timestamptz NOT NULL,
    last_login timestamptz,
    last_ip text COLLATE "C",
    logins_count bigint,
    PRIMARY KEY (tenant, subject)
) WITH (fillfactor = 70);
CREATE INDEX activity_updated ON activity (tenant, updated_at, subject);
CREATE INDEX activity_last_login ON activity (tenant, last_login, subject);
CREATE INDEX activity_last_ip ON activity (tenant, last_ip, subject);
CREATE INDEX activity_logins_count ON activity (tenant, logins_count, subject);

CREATE TABLE search_leaf (
    tenant text NOT NULL,
    subject text NOT NULL,
    path text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    lowest boolean NOT NULL,
    highest boolean NOT NULL,
    PRIMARY KEY (tenant, path, value, subject)
);
CREATE INDEX search_leaf_subject ON search_leaf (tenant, subject);
CREATE INDEX search_leaf_infix ON search_leaf USING gin (value gin_trgm_ops);
-- A value occurs under few paths: without these statistics the planner would assume independence and underestimate the rows.
CREATE STATISTICS search_leaf_values (ndistinct, dependencies, mcv) ON path, value FROM search_leaf;

ALTER TABLE search ENABLE ROW LEVEL SECURITY;
ALTER TABLE activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE search_leaf ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON search USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON activity USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON search_leaf USING (tenant = current_setting('vita.tenant', true));
