-- What can be searched. `search` changes when a person does, `activity` at every login: apart, so that a login rewrites no text index.
CREATE TABLE search (
    tenant text NOT NULL,
    subject text NOT NULL,
    user_id text NOT NULL,
    created_at timestamptz NOT NULL,
    email text,
    email_folded text,
    email_domain text,
    email_verified boolean,
    username text,
    phone_number text,
    phone_verified boolean,
    name_folded text,
    nickname_folded text,
    given_name_folded text,
    family_name_folded text,
    blocked boolean,
    providers text[] NOT NULL,
    connections text[] NOT NULL,
    identities jsonb NOT NULL,
    user_metadata jsonb,
    app_metadata jsonb,
    extras jsonb,
    PRIMARY KEY (tenant, subject)
);
CREATE INDEX search_user_id ON search (tenant, user_id text_pattern_ops);
CREATE INDEX search_created ON search (tenant, created_at, subject);
CREATE INDEX search_email ON search (tenant, email);
CREATE INDEX search_email_folded ON search (tenant, email_folded text_pattern_ops);
CREATE INDEX search_email_domain ON search (tenant, email_domain);
CREATE INDEX search_username ON search (tenant, username text_pattern_ops);
CREATE INDEX search_phone_number ON search (tenant, phone_number text_pattern_ops);
CREATE INDEX search_name ON search (tenant, name_folded text_pattern_ops);
CREATE INDEX search_nickname ON search (tenant, nickname_folded text_pattern_ops);
CREATE INDEX search_family_name ON search (tenant, family_name_folded text_pattern_ops);
CREATE INDEX search_given_name ON search (tenant, given_name_folded text_pattern_ops);
CREATE INDEX search_blocked ON search (tenant) WHERE blocked;
CREATE INDEX search_infix ON search USING gin (
    user_id gin_trgm_ops, email_folded gin_trgm_ops, username gin_trgm_ops, phone_number gin_trgm_ops, name_folded gin_trgm_ops,
    nickname_folded gin_trgm_ops, given_name_folded gin_trgm_ops, family_name_folded gin_trgm_ops
);
CREATE INDEX search_sets ON search USING gin (
    providers, connections, identities jsonb_path_ops, user_metadata jsonb_path_ops, app_metadata jsonb_path_ops, extras jsonb_path_ops
);

CREATE TABLE activity (
    tenant text NOT NULL,
    subject text NOT NULL,
    updated_at timestamptz NOT NULL,
    last_login timestamptz,
    last_ip text,
    logins_count bigint,
    PRIMARY KEY (tenant, subject)
) WITH (fillfactor = 70);
CREATE INDEX activity_updated ON activity (tenant, updated_at);
CREATE INDEX activity_last_login ON activity (tenant, last_login);
CREATE INDEX activity_last_ip ON activity (tenant, last_ip text_pattern_ops);
CREATE INDEX activity_logins_count ON activity (tenant, logins_count);

ALTER TABLE search ENABLE ROW LEVEL SECURITY;
ALTER TABLE activity ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON search USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON activity USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY all_tenants ON search TO vita_projector, vita_operator, vita_normalizer USING (true);
CREATE POLICY all_tenants ON activity TO vita_projector, vita_operator USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON search, activity TO vita_projector;
GRANT SELECT ON search, activity TO vita_management, vita_operator;
GRANT SELECT (tenant, subject, email_folded, username, phone_number, connections) ON search TO vita_normalizer;
