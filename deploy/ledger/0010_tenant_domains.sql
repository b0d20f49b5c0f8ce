-- Domains of tenants: each is a separate issuer, with the signing keys of its tenant.
CREATE TABLE ledger.tenant_domain (
    host text PRIMARY KEY,
    origin text NOT NULL,
    tenant text NOT NULL REFERENCES ledger.tenant,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN ledger.tenant_domain.host IS 'The Host header of requests to the domain, in lower case, with the port if it is not the default one';
COMMENT ON COLUMN ledger.tenant_domain.origin IS 'scheme://host; the issuer of its tokens is the origin followed by a slash';

ALTER TABLE ledger.signing_key ADD COLUMN tenant text REFERENCES ledger.tenant;
COMMENT ON COLUMN ledger.signing_key.tenant IS 'The tenant for whose domains the key signs; NULL for the issuer of the installation';
ALTER TABLE ledger.signing_key ADD COLUMN signs_from timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN ledger.signing_key.signs_from IS 'When the key begins to sign; it is published when it is created, so that every verifier knows it by then';
COMMENT ON COLUMN ledger.signing_key.retired_at IS 'Until when its signatures are valid; NULL if the key has no successor';

-- The identifier of an API is the audience of its tokens, so it is unique in the installation.
CREATE UNIQUE INDEX reservation_api_identifier ON ledger.reservation (value) WHERE connection = 'resource_server' AND kind = 'name';

ALTER TABLE ledger.tenant_domain ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.signing_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.tenant_domain USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.signing_key USING (tenant = current_setting('vita.tenant', true));
