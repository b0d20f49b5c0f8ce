-- name: clients
-- The API clients of a tenant, or of all tenants if $1 is null.
SELECT tenant, client_id, name, scopes FROM views.client_summary
WHERE NOT deleted AND ($1::text IS NULL OR tenant = $1) ORDER BY tenant, name, client_id;

-- name: client_scopes
-- The scopes of a client; no row if it does not exist.
SELECT scopes FROM views.client_summary WHERE tenant = $1 AND client_id = $2 AND NOT deleted;

-- name: subject_of_user
-- The subject of a user id.
SELECT subject FROM views.person WHERE tenant = $1 AND user_id = $2;

-- name: places_of_subject
-- The positions of a subject's records on the log.
SELECT partition, log_offset FROM trail.leaf WHERE tenant = $1 AND subject = $2 ORDER BY partition, leaf_index;
