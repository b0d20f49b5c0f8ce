-- name: domains
-- Every domain of a tenant.
SELECT host, origin, tenant FROM ledger.tenant_domain;

-- name: add_domain
-- A new domain of a tenant; nothing when the host belongs to a tenant already.
INSERT INTO ledger.tenant_domain (host, origin, tenant) VALUES ($1, $2, $3) ON CONFLICT (host) DO NOTHING RETURNING host;

-- name: remove_domain
-- A domain is no issuer any more; nothing when it was none.
DELETE FROM ledger.tenant_domain WHERE host = $1 RETURNING tenant;

-- name: tenant_domains
-- The domains of all tenants.
SELECT origin, tenant, created_at FROM ledger.tenant_domain ORDER BY tenant, host;
