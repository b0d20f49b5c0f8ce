-- Access that logins reported, and public keys of devices. The person is part of every key, so that each row is written from one
-- partition, even if logins of two people have one session id. Expired rows are not deleted; readers leave them out.
CREATE TABLE session (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    changed_at timestamptz,
    expires_at timestamptz,
    idle_expires_at timestamptz,
    strategy text NOT NULL,
    methods text,
    initial_ip text,
    initial_user_agent text,
    last_ip text,
    last_user_agent text,
    clients text[] NOT NULL,
    metadata text,
    PRIMARY KEY (tenant, subject, id)
) WITH (fillfactor = 80);
CREATE INDEX session_id ON session (tenant, id);

CREATE TABLE refresh_token (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    client_id text,
    session_id text,
    created_at timestamptz NOT NULL,
    exchanged_at timestamptz,
    rotating boolean NOT NULL,
    expires_at timestamptz,
    idle_expires_at timestamptz,
    resource_servers text,
    device_name text,
    device_id text,
    initial_ip text,
    initial_user_agent text,
    last_ip text,
    last_user_agent text,
    metadata text,
    PRIMARY KEY (tenant, subject, id)
) WITH (fillfactor = 80);
CREATE INDEX refresh_token_id ON refresh_token (tenant, id);

CREATE TABLE user_grant (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    client_id text NOT NULL,
    audience text NOT NULL,
    scope text[] NOT NULL,
    organization_id text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, subject, id)
) WITH (fillfactor = 80);
CREATE INDEX user_grant_id ON user_grant (tenant, id);

CREATE TABLE device_credential (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    client_id text,
    device_id text NOT NULL,
    device_name text NOT NULL,
    value text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, subject, id)
);
CREATE INDEX device_credential_id ON device_credential (tenant, id);

ALTER TABLE session ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_credential ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON session USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON refresh_token USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON user_grant USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON device_credential USING (tenant = current_setting('vita.tenant', true));
