-- name: read_clients
-- Returns the clients that a batch changes.
SELECT c.tenant, c.client_id, c.name, c.secret_hash, c.scopes, c.event_id, c.deleted, c.revision, c.settings
FROM unnest($1::text[], $2::text[]) AS touched (tenant, client_id)
JOIN client AS c ON c.tenant = touched.tenant AND c.client_id = touched.client_id;

-- name: write_clients
-- Writes the changed clients.
INSERT INTO client (tenant, client_id, name, secret_hash, scopes, event_id, deleted, revision, settings)
SELECT tenant, client_id, name, secret_hash, scopes::text[], event_id, deleted, revision, settings
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bool[], $8::bigint[], $9::text[]
) AS r (tenant, client_id, name, secret_hash, scopes, event_id, deleted, revision, settings)
ON CONFLICT (tenant, client_id) DO UPDATE SET
    name = excluded.name, secret_hash = excluded.secret_hash, scopes = excluded.scopes, event_id = excluded.event_id,
    deleted = excluded.deleted, revision = excluded.revision, settings = excluded.settings;
