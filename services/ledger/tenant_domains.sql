-- name: domains
-- Every domain of a tenant.
SELECT host, origin, tenant FROM ledger.tenant_domain;
