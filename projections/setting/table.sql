-- One row per setting of a tenant. `document` is what the API returns, with its secrets sealed with the tenant's key.
-- `default_picture` and `log_retention_days` are values of it that statements read; they are set for the kind `tenant` only.
CREATE TABLE setting (
    tenant text NOT NULL,
    kind text NOT NULL,
    id text NOT NULL,
    name text,
    revision bigint NOT NULL,
    document text NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted boolean NOT NULL,
    default_picture text,
    log_retention_days integer,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX setting_name ON setting (tenant, kind, name) WHERE NOT deleted;

ALTER TABLE setting ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON setting USING (tenant = current_setting('vita.tenant', true));
