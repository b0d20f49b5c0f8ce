-- name: tenant_names
-- The names of all tenants.
SELECT name FROM ledger.tenant ORDER BY name;

-- name: add_tenant
-- A new tenant; nothing when there is one of that name.
INSERT INTO ledger.tenant (name, display_name, strict_connections) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: tenants
-- Every tenant, in the order of their names.
SELECT name, display_name, strict_connections, created_at FROM ledger.tenant ORDER BY name;

-- name: tenant_exists
-- Whether there is a tenant of that name.
SELECT EXISTS (SELECT name FROM ledger.tenant WHERE name = $1);

-- name: connections_of_tenant
-- The tenant of a token and the connections that a request names; an existing connection wins over a deleted one of the same name.
SELECT DISTINCT ON (requested.name)
    requested.name, t.name IS NOT NULL AS tenant_known, coalesce(t.strict_connections, false) AS strict, c.strategy,
    coalesce(c.maps_identity, false) AS maps_identity, coalesce(c.deleted, false) AS deleted
FROM unnest($2::text[]) AS requested (name)
LEFT JOIN ledger.tenant AS t ON t.name = $1
LEFT JOIN views.connection_name AS c ON c.tenant = $1 AND c.name = requested.name
ORDER BY requested.name, c.deleted NULLS LAST;

-- name: connections_of_tenants
-- The tenants and connections a batch names, with the default picture that the tenant chose; a living connection wins over a deleted one of the same name.
SELECT DISTINCT ON (asked.tenant, asked.name)
    asked.tenant, asked.name, t.name IS NOT NULL AS tenant_known, t.strict_connections, c.id, c.strategy, c.document, c.deleted,
    p.default_picture
FROM unnest($1::text[], $2::text[]) AS asked (tenant, name)
LEFT JOIN ledger.tenant AS t ON t.name = asked.tenant
LEFT JOIN views.connection_mapping AS c ON c.tenant = asked.tenant AND c.name = asked.name
LEFT JOIN views.default_picture AS p ON p.tenant = asked.tenant
ORDER BY asked.tenant, asked.name, c.deleted NULLS LAST;
