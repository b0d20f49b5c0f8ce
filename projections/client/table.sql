-- One row per API client. A token request names only the client, so a row can be read by its id alone. The secrets in
-- `settings` are sealed with the tenant's key.
CREATE TABLE client (
    tenant text NOT NULL,
    client_id text NOT NULL,
    name text NOT NULL,
    secret_hash text,
    scopes text[] NOT NULL,
    event_id uuid NOT NULL,
    deleted boolean NOT NULL,
    revision bigint NOT NULL,
    settings text NOT NULL,
    PRIMARY KEY (tenant, client_id)
);
CREATE INDEX client_client_id ON client (client_id);

ALTER TABLE client ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant_or_client ON client
    USING (tenant = current_setting('vita.tenant', true) OR client_id = current_setting('vita.client', true));
