-- name: write_clients
-- Puts the changed clients in place.
INSERT INTO client (tenant, client_id, name, secret_hash, scopes, event_id, deleted)
SELECT tenant, client_id, name, secret_hash, scopes::text[], event_id, deleted
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bool[])
    AS r (tenant, client_id, name, secret_hash, scopes, event_id, deleted)
ON CONFLICT (tenant, client_id) DO UPDATE SET
    name = excluded.name, secret_hash = excluded.secret_hash, scopes = excluded.scopes, event_id = excluded.event_id,
    deleted = excluded.deleted;
