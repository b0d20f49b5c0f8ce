-- name: speak_for_client
-- Until the transaction ends the connection sees this client's row.
SELECT set_config('vita.client', $1, true);

-- name: client
-- The client a token is asked for.
SELECT tenant, secret_hash, scopes, settings FROM views.client WHERE client_id = $1 AND NOT deleted LIMIT 1;

-- name: client_by_id
-- A client of a tenant, deleted or not.
SELECT client_id, name, secret_hash, scopes, event_id, deleted, revision, settings
FROM views.client WHERE tenant = $1 AND client_id = $2;

-- name: clients
-- The living clients of a tenant.
SELECT client_id, name, NULL::text AS secret_hash, scopes, event_id, deleted, revision, settings
FROM views.client WHERE tenant = $1 AND NOT deleted;
