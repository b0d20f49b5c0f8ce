-- name: connection
-- A connection by its id, living or not.
SELECT id, name, strategy, revision, document, event_id, deleted FROM views.connection WHERE tenant = $1 AND id = $2;

-- name: connections_named
-- The living connections of some names, with the default picture that the tenant chose.
SELECT DISTINCT ON (name) name AS asked, id, name, strategy, revision, document, event_id, deleted, (
    SELECT default_picture FROM views.setting AS s
    WHERE s.tenant = $1 AND s.kind = 'tenant' AND s.id = 'settings' AND NOT s.deleted
) AS default_picture
FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted
ORDER BY name, id;

-- name: list_connections
-- A page of connections by name: after a name, or from an offset.
SELECT id, name, document FROM views.connection
WHERE tenant = $1 AND NOT deleted AND name > $2
    AND ($3::text[] IS NULL OR strategy = ANY ($3::text[])) AND ($4::text IS NULL OR name = $4)
ORDER BY name LIMIT $5 OFFSET $6;

-- name: count_connections
-- How many connections a list would go through.
SELECT count(*) FROM views.connection
WHERE tenant = $1 AND NOT deleted
    AND ($2::text[] IS NULL OR strategy = ANY ($2::text[])) AND ($3::text IS NULL OR name = $3);

-- name: connection_ids
-- Ids of connections by name.
SELECT name, id FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted;
