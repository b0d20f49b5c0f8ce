-- name: find_connection
-- Returns a connection by its id, deleted or not.
SELECT id, name, strategy, revision, document, event_id, deleted FROM views.connection WHERE tenant = $1 AND id = $2;

-- name: connections_by_name
-- Returns connections that are not deleted by name, with the default picture of the tenant.
SELECT DISTINCT ON (name) name AS lookup_key, id, name, strategy, revision, document, event_id, deleted, (
    SELECT default_picture FROM views.setting AS s
    WHERE s.tenant = $1 AND s.kind = 'tenant' AND s.id = 'settings' AND NOT s.deleted
) AS default_picture
FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted
ORDER BY name, id;

-- name: list_connections
-- Returns a page of connections by name, after a name and from an offset.
SELECT id, name, document FROM views.connection
WHERE tenant = $1 AND NOT deleted AND name > $2
    AND ($3::text[] IS NULL OR strategy = ANY ($3::text[])) AND ($4::text IS NULL OR name = $4)
ORDER BY name LIMIT $5 OFFSET $6;

-- name: count_connections
-- Returns how many connections `list_connections` goes through.
SELECT count(*) FROM views.connection
WHERE tenant = $1 AND NOT deleted
    AND ($2::text[] IS NULL OR strategy = ANY ($2::text[])) AND ($3::text IS NULL OR name = $3);

-- name: connection_ids
-- Returns the ids of connections by name.
SELECT name, id FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted;
