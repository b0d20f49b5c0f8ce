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

-- name: users
-- Users by their ids, as they are answered.
SELECT p.user_id AS asked, p.revision, p.document
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id;

-- name: users_by_subject
-- What became of users after commands.
SELECT p.subject AS asked, p.revision, p.document, p.memory
FROM unnest($2::text[]) AS asked (subject)
JOIN views.profile AS p ON p.tenant = $1 AND p.subject = asked.subject;

-- name: holdings
-- What a user has that the document does not show.
SELECT holdings FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: members
-- A page of those who have a role or belong to an organization, the longest first: after a place, or from an offset.
SELECT m.since, m.subject, p.document
FROM views.membership AS m
JOIN views.profile AS p ON p.tenant = m.tenant AND p.subject = m.subject
WHERE m.tenant = $1 AND m.kind = $2 AND m.target = $3 AND (m.since, m.subject) > ($4::text::timestamptz, $5)
ORDER BY m.since, m.subject LIMIT $6 OFFSET $7;

-- name: count_members
-- How many there are.
SELECT count(*) FROM views.membership WHERE tenant = $1 AND kind = $2 AND target = $3;

-- name: living_connection
-- The living connection of an id.
SELECT id, name, strategy, revision, document, event_id, deleted
FROM views.connection WHERE tenant = $1 AND id = $2 AND NOT deleted;

-- name: user_of_connection
-- Whom an address stands for in a connection: the root's is the first identity's.
SELECT user_id FROM views.search WHERE tenant = $1 AND connections[1] = $2 AND email_folded = $3 LIMIT 1;

-- name: connections_named
-- The living connections of some names, with the default picture that the tenant chose.
SELECT DISTINCT ON (name) name AS asked, id, name, strategy, revision, document, event_id, deleted, (
    SELECT default_picture FROM views.setting AS s
    WHERE s.tenant = $1 AND s.kind = 'tenant' AND s.id = 'settings' AND NOT s.deleted
) AS default_picture
FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted
ORDER BY name, id;

-- name: connection
-- A connection by its id, living or not.
SELECT id, name, strategy, revision, document, event_id, deleted FROM views.connection WHERE tenant = $1 AND id = $2;

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

-- name: active_users
-- How many people have signed in since.
SELECT count(*) FROM views.tenant_activity WHERE tenant = $1 AND last_login >= $2;

-- name: days
-- What happened on each of these days.
SELECT
    date, sum(logins)::bigint AS logins, sum(signups)::bigint AS signups, sum(leaked_passwords)::bigint AS leaked_passwords,
    min(created_at) AS created_at, max(updated_at) AS updated_at
FROM views.daily WHERE tenant = $1 AND date >= $2 AND date <= $3 GROUP BY date ORDER BY date;

-- name: alive
-- Whether the database answers.
SELECT 1;

-- name: failures_as
-- What stands against an identifier, whoever's it is.
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND identifier = $2 AND (failures > 0 OR ips <> '{}');

-- name: failures_of
-- What stands against a person, and against their identifiers where nobody known was meant.
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND subject = $2
UNION ALL
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND starts_with(subject, 'anon_') AND (failures > 0 OR ips <> '{}') AND identifier IN (
    SELECT unnest($3::text[]) UNION SELECT mine.identifier FROM views.login_guard AS mine WHERE mine.tenant = $1 AND mine.subject = $2
);

-- name: failures_from
-- What stands against an address.
SELECT times, released_at FROM views.ip_guard WHERE tenant = $1 AND ip = $2;
