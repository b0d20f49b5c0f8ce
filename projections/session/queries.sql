-- name: write_sessions
-- Writes sessions that logins reported.
INSERT INTO session AS s (
    tenant, subject, id, created_at, seen_at, expires_at, idle_expires_at, strategy, methods, initial_ip, initial_user_agent,
    last_ip, last_user_agent, clients
)
SELECT
    tenant, subject, id, created_at::timestamptz, seen_at::timestamptz, expires_at::timestamptz, idle_expires_at::timestamptz,
    strategy, methods, initial_ip, initial_user_agent, last_ip, last_user_agent, clients::text[]
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[]
) AS r (
    tenant, subject, id, created_at, seen_at, expires_at, idle_expires_at, strategy, methods, initial_ip, initial_user_agent,
    last_ip, last_user_agent, clients
)
ON CONFLICT (tenant, subject, id) DO UPDATE SET
    seen_at = greatest(s.seen_at, excluded.seen_at),
    expires_at = coalesce(excluded.expires_at, s.expires_at),
    idle_expires_at = coalesce(excluded.idle_expires_at, s.idle_expires_at),
    methods = coalesce(excluded.methods, s.methods),
    initial_ip = coalesce(s.initial_ip, excluded.initial_ip),
    initial_user_agent = coalesce(s.initial_user_agent, excluded.initial_user_agent),
    last_ip = coalesce(excluded.last_ip, s.last_ip),
    last_user_agent = coalesce(excluded.last_user_agent, s.last_user_agent),
    clients = s.clients || ARRAY(
        SELECT c.client FROM unnest(excluded.clients) WITH ORDINALITY AS c (client, place)
        WHERE c.client <> ALL (s.clients) ORDER BY c.place
    );

-- name: write_refresh_tokens
-- Writes refresh tokens that logins reported. A token that exists already was exchanged.
INSERT INTO refresh_token AS t (
    tenant, subject, id, client_id, session_id, created_at, exchanged_at, rotating, expires_at, idle_expires_at, resource_servers,
    device_name, device_id, initial_ip, initial_user_agent, last_ip, last_user_agent
)
SELECT
    tenant, subject, id, client_id, session_id, created_at::timestamptz, exchanged_at::timestamptz, rotating,
    expires_at::timestamptz, idle_expires_at::timestamptz, resource_servers, device_name, device_id, initial_ip,
    initial_user_agent, last_ip, last_user_agent
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[]
) AS r (
    tenant, subject, id, client_id, session_id, created_at, exchanged_at, rotating, expires_at, idle_expires_at, resource_servers,
    device_name, device_id, initial_ip, initial_user_agent, last_ip, last_user_agent
)
ON CONFLICT (tenant, subject, id) DO UPDATE SET
    client_id = coalesce(excluded.client_id, t.client_id),
    session_id = coalesce(excluded.session_id, t.session_id),
    exchanged_at = greatest(t.exchanged_at, excluded.created_at, excluded.exchanged_at),
    rotating = excluded.rotating,
    expires_at = coalesce(excluded.expires_at, t.expires_at),
    idle_expires_at = coalesce(excluded.idle_expires_at, t.idle_expires_at),
    resource_servers = coalesce(excluded.resource_servers, t.resource_servers),
    device_name = coalesce(excluded.device_name, t.device_name),
    device_id = coalesce(excluded.device_id, t.device_id),
    initial_ip = coalesce(t.initial_ip, excluded.initial_ip),
    initial_user_agent = coalesce(t.initial_user_agent, excluded.initial_user_agent),
    last_ip = coalesce(excluded.last_ip, t.last_ip),
    last_user_agent = coalesce(excluded.last_user_agent, t.last_user_agent);

-- name: write_grants
-- Writes grants that logins reported.
INSERT INTO user_grant AS g (tenant, subject, id, client_id, audience, scope, organization_id, created_at)
SELECT tenant, subject, id, client_id, audience, scope::text[], organization_id, created_at::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS r (tenant, subject, id, client_id, audience, scope, organization_id, created_at)
ON CONFLICT (tenant, subject, id) DO UPDATE SET
    scope = g.scope || ARRAY(
        SELECT n.scope FROM unnest(excluded.scope) WITH ORDINALITY AS n (scope, place)
        WHERE n.scope <> ALL (g.scope) ORDER BY n.place
    ),
    organization_id = coalesce(excluded.organization_id, g.organization_id);

-- name: write_device_credentials
-- Writes public keys of devices.
INSERT INTO device_credential (tenant, subject, id, client_id, device_id, device_name, value, created_at)
SELECT tenant, subject, id, client_id, device_id, device_name, value, created_at::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS r (tenant, subject, id, client_id, device_id, device_name, value, created_at)
ON CONFLICT DO NOTHING;

-- name: describe_sessions
-- Replaces the metadata of existing sessions.
UPDATE session AS s SET metadata = r.metadata, changed_at = greatest(s.changed_at, r.changed_at::timestamptz)
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r (tenant, subject, id, metadata, changed_at)
WHERE s.tenant = r.tenant AND s.subject = r.subject AND s.id = r.id;

-- name: describe_refresh_tokens
-- Replaces the metadata of existing refresh tokens.
UPDATE refresh_token AS t SET metadata = r.metadata
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r (tenant, subject, id, metadata, changed_at)
WHERE t.tenant = r.tenant AND t.subject = r.subject AND t.id = r.id;

-- name: delete_sessions
-- Deletes sessions.
DELETE FROM session AS s USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, subject, id)
WHERE s.tenant = gone.tenant AND s.subject = gone.subject AND s.id = gone.id;

-- name: delete_all_sessions
-- Deletes all sessions of people.
DELETE FROM session AS s USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE s.tenant = gone.tenant AND s.subject = gone.subject;

-- name: delete_refresh_tokens
-- Deletes refresh tokens.
DELETE FROM refresh_token AS t USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, subject, id)
WHERE t.tenant = gone.tenant AND t.subject = gone.subject AND t.id = gone.id;

-- name: delete_refresh_tokens_of_sessions
-- Deletes the refresh tokens of sessions.
DELETE FROM refresh_token AS t USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, subject, session_id)
WHERE t.tenant = gone.tenant AND t.subject = gone.subject AND t.session_id = gone.session_id;

-- name: delete_refresh_tokens_of_clients
-- Deletes people's refresh tokens of clients; with an audience only those for that API.
DELETE FROM refresh_token AS t
USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, subject, client_id, audience)
WHERE t.tenant = gone.tenant AND t.subject = gone.subject AND t.client_id = gone.client_id
    AND (gone.audience IS NULL OR EXISTS (
        SELECT FROM json_array_elements(t.resource_servers::json) AS r WHERE r ->> 'audience' = gone.audience
    ));

-- name: delete_all_refresh_tokens
-- Deletes all refresh tokens of people.
DELETE FROM refresh_token AS t USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE t.tenant = gone.tenant AND t.subject = gone.subject;

-- name: delete_grants
-- Deletes grants.
DELETE FROM user_grant AS g USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, subject, id)
WHERE g.tenant = gone.tenant AND g.subject = gone.subject AND g.id = gone.id;

-- name: delete_all_grants
-- Deletes all grants of people.
DELETE FROM user_grant AS g USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE g.tenant = gone.tenant AND g.subject = gone.subject;

-- name: delete_device_credentials
-- Deletes public keys of devices.
DELETE FROM device_credential AS d USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, subject, id)
WHERE d.tenant = gone.tenant AND d.subject = gone.subject AND d.id = gone.id;

-- name: delete_all_device_credentials
-- Deletes all public keys of people's devices.
DELETE FROM device_credential AS d USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE d.tenant = gone.tenant AND d.subject = gone.subject;
