-- Secrets of gateways that write to logins.raw, wrapped by the keyring. A gateway has several during a rotation.
CREATE TABLE ledger.gateway_key (
    gateway text NOT NULL,
    number integer NOT NULL,
    tenant text NOT NULL REFERENCES ledger.tenant (name),
    name text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamptz,
    PRIMARY KEY (gateway, number)
);
COMMENT ON COLUMN ledger.gateway_key.ends_at IS 'Signatures are valid on records that the broker stored before this time.';

ALTER TABLE ledger.gateway_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.gateway_key USING (tenant = current_setting('vita.tenant', true));

-- A warning that operators must see about a healthy process.
ALTER TABLE ledger.heartbeat ADD COLUMN notice text;
