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

-- name: users_with_secrets
-- The same with what `read:user_idp_tokens` may see besides, and the keys that open it.
SELECT p.user_id AS asked, p.revision, p.document, p.subject, p.secrets, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id
LEFT JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = p.subject AND p.secrets IS NOT NULL;

-- name: users_to_edit
-- Users by their ids, with the keys that seal what is done to them.
SELECT asked.id AS asked, p.subject, p.revision, p.document, p.holdings, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id
JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = p.subject;

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

-- name: users_by_email
-- Everybody with exactly this address, with secrets and the keys that open them where they are asked for.
SELECT p.document, p.subject, CASE WHEN $3::boolean THEN p.secrets END AS secrets, k.version, k.profile, k.activity
FROM views.search AS s
JOIN views.profile AS p ON p.tenant = s.tenant AND p.subject = s.subject
LEFT JOIN ledger.subject_key AS k ON $3::boolean AND k.tenant = s.tenant AND k.owner = s.subject
WHERE s.tenant = $1 AND s.email = $2
ORDER BY s.subject;

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

-- name: release_name
-- Frees the name of a setting that the view shows deleted or renamed.
DELETE FROM ledger.reservation AS r
WHERE r.tenant = $1 AND r.connection = $2 AND r.kind = 'name' AND r.value = $3 AND r.confirmed
    AND NOT EXISTS (SELECT FROM views.setting AS s WHERE s.tenant = $1 AND s.kind = $2 AND s.name = $3 AND NOT s.deleted);

-- name: setting_lives
-- Whether another setting of the kind has this name in the view.
SELECT EXISTS (
    SELECT FROM views.setting WHERE tenant = $1 AND kind = $2 AND name = $3 AND id <> $4 AND NOT deleted
);

-- name: register
-- A new identity with its subject and keys; no row when the identity has a subject already.
WITH added AS (
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject, connection) VALUES ($1, $2, $3, $4, $7)
    ON CONFLICT DO NOTHING
    RETURNING subject
), locked AS (
    INSERT INTO ledger.subject_key (tenant, owner, profile, activity) SELECT $1, subject, $5, $6 FROM added
)
SELECT subject FROM added;

-- name: register_and_claim
-- New identities with their subjects, keys and claims, all or nothing (VT002): as `register`, `claim` and `users_with` for each.
WITH added AS (
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject, connection)
    SELECT $1, asked.provider, asked.idp_id, asked.subject, asked.connection
    FROM unnest($2::text[], $3::text[], $4::text[], $12::text[]) AS asked (provider, idp_id, subject, connection)
    ON CONFLICT DO NOTHING
    RETURNING subject
), locked AS (
    INSERT INTO ledger.subject_key (tenant, owner, profile, activity)
    SELECT $1, asked.subject, asked.profile, asked.activity
    FROM unnest($4::text[], $5::bytea[], $6::bytea[]) AS asked (subject, profile, activity)
    WHERE EXISTS (SELECT FROM added)
), claimed AS (
    INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)
    SELECT $1, asked.connection, asked.kind, asked.value, asked.subject, asked.event_id
    FROM unnest($7::text[], $8::text[], $9::text[], $10::uuid[], $11::text[]) AS asked (connection, kind, value, event_id, subject)
    ON CONFLICT DO NOTHING
    RETURNING kind
)
SELECT ledger.require(
    (SELECT count(*) FROM added) = cardinality($4::text[]) AND (SELECT count(*) FROM claimed) = cardinality($9::text[])
    AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS asked (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.email_folded = asked.value AND s.connections[1] = asked.connection
        WHERE asked.kind = 'email'
    ) AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS asked (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.username = asked.value AND s.connections[1] = asked.connection
        WHERE asked.kind = 'username'
    ) AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS asked (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.phone_number = asked.value AND s.connections[1] = asked.connection
        WHERE asked.kind = 'phone_number'
    )
);

-- name: registered
-- The subject an identity has, the connection it belongs to, whether it lives, what it holds, and its keys.
SELECT d.subject, d.connection, p.document IS NOT NULL AS lives, p.holdings, k.version, k.profile, k.activity
FROM ledger.directory AS d
JOIN ledger.subject_key AS k ON k.tenant = d.tenant AND k.owner = d.subject
LEFT JOIN views.profile AS p ON p.tenant = d.tenant AND p.subject = d.subject
WHERE d.tenant = $1 AND d.provider = $2 AND d.idp_id = $3;

-- name: claim
-- Claims values for one subject; a value somebody else holds brings no row back. One's own claim moves to the new event.
INSERT INTO ledger.reservation AS r (tenant, connection, kind, value, subject, event_id)
SELECT $1, asked.connection, asked.kind, asked.value, $2, asked.event_id
FROM unnest($3::text[], $4::text[], $5::text[], $6::uuid[]) AS asked (connection, kind, value, event_id)
ON CONFLICT ON CONSTRAINT reservation_unique DO UPDATE
SET event_id = excluded.event_id, confirmed = false, claimed_at = now()
WHERE r.subject = excluded.subject
RETURNING kind;

-- name: users_with
-- Which of these values somebody else of the connection has in the view; the root's are those of the first identity.
SELECT
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.email_folded = $4
    ) AS email,
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.username = $5
    ) AS username,
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.phone_number = $6
    ) AS phone_number;

-- name: connection_lives
-- Whether another connection has this name in the view.
SELECT EXISTS (
    SELECT FROM views.connection WHERE tenant = $1 AND name = $2 AND id <> $3 AND NOT deleted
);

-- name: release_claims
-- Takes back claims whose events are not on the log.
DELETE FROM ledger.reservation WHERE tenant = $1 AND event_id = ANY ($2::uuid[]) AND NOT confirmed;

-- name: release_connection
-- Frees the name of a connection that the view shows deleted.
DELETE FROM ledger.reservation AS r
WHERE r.tenant = $1 AND r.kind = 'connection' AND r.value = $2 AND r.confirmed
    AND NOT EXISTS (SELECT FROM views.connection AS c WHERE c.tenant = $1 AND c.name = $2 AND NOT c.deleted);

-- name: renew_claims
-- Claims whose events this process is still trying to append.
UPDATE ledger.reservation SET claimed_at = now() WHERE tenant = $1 AND event_id = ANY ($2::uuid[]) AND NOT confirmed;

-- name: unsettled_claims
-- Unconfirmed claims so old that nobody appends their events any more.
SELECT event_id, subject FROM ledger.reservation
WHERE tenant = $1 AND NOT confirmed AND claimed_at < now() - make_interval(secs => $2)
LIMIT 1000;

-- name: unsettled_among
-- The same among those in the way of a claim.
SELECT r.event_id, r.subject
FROM unnest($2::text[], $3::text[], $4::text[]) AS asked (connection, kind, value)
JOIN ledger.reservation AS r ON r.tenant = $1 AND r.connection = asked.connection AND r.kind = asked.kind AND r.value = asked.value
WHERE NOT r.confirmed AND r.claimed_at < now() - make_interval(secs => $5);

-- name: active_users
-- How many people have signed in since.
SELECT count(*) FROM views.tenant_activity WHERE tenant = $1 AND last_login >= $2;

-- name: days
-- What happened on each of these days.
SELECT
    date, sum(logins)::bigint AS logins, sum(signups)::bigint AS signups, sum(leaked_passwords)::bigint AS leaked_passwords,
    min(created_at) AS created_at, max(updated_at) AS updated_at
FROM views.daily WHERE tenant = $1 AND date >= $2 AND date <= $3 GROUP BY date ORDER BY date;

-- name: tenants
-- All tenants there are.
SELECT name FROM ledger.tenant ORDER BY name;

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
