-- name: list_hosts
-- Returns the domains of all tenants with their hosts.
SELECT host, origin, tenant FROM ledger.tenant_domain;

-- name: add
-- Adds a domain to a tenant; no row if the host is a domain already.
INSERT INTO ledger.tenant_domain (host, origin, tenant) VALUES ($1, $2, $3) ON CONFLICT (host) DO NOTHING RETURNING host;

-- name: remove
-- Deletes a domain; no row if the host is no domain.
DELETE FROM ledger.tenant_domain WHERE host = $1 RETURNING tenant;

-- name: list_domains
-- Returns the domains of all tenants with the times at which they were added.
SELECT origin, tenant, created_at FROM ledger.tenant_domain ORDER BY tenant, host;
