-- The sealed first results of requests with an Idempotency-Key, until they expire.
CREATE TABLE ledger.idempotency (
    tenant text NOT NULL,
    place bytea NOT NULL CHECK (octet_length(place) = 32),
    request bytea NOT NULL CHECK (octet_length(request) = 32),
    started_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL,
    result bytea,
    owner text CHECK ((owner IS NULL) = (result IS NULL)),
    PRIMARY KEY (tenant, place)
);
CREATE INDEX idempotency_age ON ledger.idempotency (tenant, started_at);
COMMENT ON TABLE ledger.idempotency IS 'Keyed hashes of key and request; without a result the request is in progress until lease_until and its outcome is unknown afterwards; owner is the owner of the key that seals the result';

ALTER TABLE ledger.idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.idempotency USING (tenant = current_setting('vita.tenant', true));
