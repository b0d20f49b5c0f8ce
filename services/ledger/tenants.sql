-- name: list_names
-- Returns the names of all tenants, sorted.
SELECT name FROM ledger.tenant ORDER BY name;

-- name: add
-- Adds a tenant; no row if the name is taken.
INSERT INTO ledger.tenant (name, display_name, strict_connections) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: list
-- Returns all tenants by name.
SELECT name, display_name, strict_connections, created_at FROM ledger.tenant ORDER BY name;

-- name: exists
-- Returns whether there is a tenant of this name.
SELECT EXISTS (SELECT name FROM ledger.tenant WHERE name = $1);

-- name: connections_of_tenant
-- Returns a tenant and the connections that a request names; of two connections of one name, one that exists is preferred to
-- a deleted one.
SELECT DISTINCT ON (requested.name)
    requested.name, t.name IS NOT NULL AS tenant_known, coalesce(t.strict_connections, false) AS strict, c.strategy,
    coalesce(c.maps_identity, false) AS maps_identity, coalesce(c.deleted, false) AS deleted
FROM unnest($2::text[]) AS requested (name)
LEFT JOIN ledger.tenant AS t ON t.name = $1
LEFT JOIN views.connection_name AS c ON c.tenant = $1 AND c.name = requested.name
ORDER BY requested.name, c.deleted NULLS LAST;

-- name: connections_of_tenants
-- Returns the tenants and connections that a batch names, with the default picture of the tenant; of two connections of one
-- name, one that exists is preferred to a deleted one.
SELECT DISTINCT ON (requested.tenant, requested.name)
    requested.tenant, requested.name, t.name IS NOT NULL AS tenant_known, t.strict_connections, c.id, c.strategy, c.document, c.deleted,
    p.default_picture
FROM unnest($1::text[], $2::text[]) AS requested (tenant, name)
LEFT JOIN ledger.tenant AS t ON t.name = requested.tenant
LEFT JOIN views.connection_mapping AS c ON c.tenant = requested.tenant AND c.name = requested.name
LEFT JOIN views.default_picture AS p ON p.tenant = requested.tenant
ORDER BY requested.tenant, requested.name, c.deleted NULLS LAST;
