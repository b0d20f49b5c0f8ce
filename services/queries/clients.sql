-- name: speak_for_client
-- Gives the connection access to the row of a client until the transaction ends.
SELECT set_config('vita.client', $1, true);

-- name: find_client_of_any_tenant
-- Returns the client that asks for a token.
SELECT tenant, secret_hash, scopes, settings FROM views.client WHERE client_id = $1 AND NOT deleted LIMIT 1;

-- name: find_client
-- Returns a client of a tenant, deleted or not.
SELECT client_id, name, secret_hash, scopes, event_id, deleted, revision, settings
FROM views.client WHERE tenant = $1 AND client_id = $2;

-- name: list_clients
-- Returns the clients of a tenant that are not deleted.
SELECT client_id, name, NULL::text AS secret_hash, scopes, event_id, deleted, revision, settings
FROM views.client WHERE tenant = $1 AND NOT deleted;

-- name: list_client_summaries
-- Returns what operators may see of the clients of a tenant, or of all tenants, that are not deleted.
SELECT tenant, client_id, name, scopes FROM views.client_summary
WHERE NOT deleted AND ($1::text IS NULL OR tenant = $1) ORDER BY tenant, name, client_id;

-- name: find_client_scopes
-- Returns the scopes of a client; no row if it does not exist or was deleted.
SELECT scopes FROM views.client_summary WHERE tenant = $1 AND client_id = $2 AND NOT deleted;
