-- name: subject_of
-- Who a user is.
SELECT subject FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: sessions_of
-- A page of a person's living sessions. One whose end nobody told is listed for 30 days after it was last seen.
SELECT * FROM views.session
WHERE tenant = $1 AND subject = $2 AND id > $3
    AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    AND (expires_at IS NOT NULL OR idle_expires_at IS NOT NULL OR seen_at > now() - interval '30 days')
ORDER BY id LIMIT $4;

-- name: count_sessions_of
-- How many a list of them would go through.
SELECT count(*) FROM views.session
WHERE tenant = $1 AND subject = $2
    AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    AND (expires_at IS NOT NULL OR idle_expires_at IS NOT NULL OR seen_at > now() - interval '30 days');

-- name: session
-- The living session of this id; where several people had one, the one last seen.
SELECT s.*, p.user_id
FROM views.session AS s
JOIN views.profile AS p ON p.tenant = s.tenant AND p.subject = s.subject
WHERE s.tenant = $1 AND s.id = $2
    AND coalesce(s.expires_at, 'infinity') > now() AND coalesce(s.idle_expires_at, 'infinity') > now()
    AND (s.expires_at IS NOT NULL OR s.idle_expires_at IS NOT NULL OR s.seen_at > now() - interval '30 days')
ORDER BY s.seen_at DESC, s.subject LIMIT 1;

-- name: refresh_tokens_of
-- A page of a person's living refresh tokens, of one client where it is named. Of each client the 200 newest count.
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY client_id ORDER BY created_at DESC, id DESC) AS place
    FROM views.refresh_token
    WHERE tenant = $1 AND subject = $2 AND ($5::text IS NULL OR client_id = $5)
        AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
) AS t
WHERE place <= 200 AND id > $3
ORDER BY id LIMIT $4;

-- name: count_refresh_tokens_of
-- How many a list of them would go through.
SELECT coalesce(sum(least(of_client, 200)), 0)::bigint FROM (
    SELECT count(*) AS of_client FROM views.refresh_token
    WHERE tenant = $1 AND subject = $2
        AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    GROUP BY client_id
) AS t;

-- name: refresh_token
-- The living refresh token of this id; where several people had one, the newest.
SELECT t.*, p.user_id
FROM views.refresh_token AS t
JOIN views.profile AS p ON p.tenant = t.tenant AND p.subject = t.subject
WHERE t.tenant = $1 AND t.id = $2
    AND coalesce(t.expires_at, 'infinity') > now() AND coalesce(t.idle_expires_at, 'infinity') > now()
ORDER BY t.created_at DESC, t.subject LIMIT 1;

-- name: owners_of_refresh_tokens
-- Whose these refresh tokens are.
SELECT p.user_id, array_agg(t.id ORDER BY t.id) AS ids
FROM views.refresh_token AS t
JOIN views.profile AS p ON p.tenant = t.tenant AND p.subject = t.subject
WHERE t.tenant = $1 AND t.id = ANY ($2::text[])
GROUP BY p.user_id ORDER BY p.user_id;

-- name: grants
-- A page of grants, narrowed down as asked.
SELECT g.id, g.client_id, p.user_id, g.audience, g.scope, g.organization_id
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR g.client_id = $3)
    AND ($4::text IS NULL OR g.audience = $4)
ORDER BY g.id LIMIT $5 OFFSET $6;

-- name: count_grants
-- How many a list of them would go through.
SELECT count(*)
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR g.client_id = $3)
    AND ($4::text IS NULL OR g.audience = $4);

-- name: owner_of_grant
-- Whose grant this is.
SELECT p.user_id
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND g.id = $2;

-- name: device_credentials
-- A page of device credentials: public keys and living refresh tokens, narrowed down as asked. Rotating ones only by name.
SELECT c.id, c.device_name, c.device_id, c.type, p.user_id, c.client_id
FROM (
    SELECT tenant, subject, id, client_id, device_name, device_id, 'public_key' AS type FROM views.device_credential
    UNION ALL
    SELECT tenant, subject, id, client_id, coalesce(device_name, last_user_agent), device_id,
        CASE WHEN rotating THEN 'rotating_refresh_token' ELSE 'refresh_token' END
    FROM views.refresh_token
    WHERE coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
) AS c
JOIN views.profile AS p ON p.tenant = c.tenant AND p.subject = c.subject
WHERE c.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR c.client_id = $3)
    AND CASE WHEN $4::text IS NULL THEN c.type <> 'rotating_refresh_token' ELSE c.type = $4 END
ORDER BY c.id LIMIT $5 OFFSET $6;

-- name: count_device_credentials
-- How many a list of them would go through.
SELECT count(*)
FROM (
    SELECT tenant, subject, client_id, 'public_key' AS type FROM views.device_credential
    UNION ALL
    SELECT tenant, subject, client_id, CASE WHEN rotating THEN 'rotating_refresh_token' ELSE 'refresh_token' END
    FROM views.refresh_token
    WHERE coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
) AS c
JOIN views.profile AS p ON p.tenant = c.tenant AND p.subject = c.subject
WHERE c.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR c.client_id = $3)
    AND CASE WHEN $4::text IS NULL THEN c.type <> 'rotating_refresh_token' ELSE c.type = $4 END;

-- name: public_key
-- Whose this public key is.
SELECT p.user_id
FROM views.device_credential AS d
JOIN views.profile AS p ON p.tenant = d.tenant AND p.subject = d.subject
WHERE d.tenant = $1 AND d.id = $2;

-- name: device_is_known
-- Whether a person has a public key for this device and client.
SELECT EXISTS (
    SELECT FROM views.device_credential
    WHERE tenant = $1 AND subject = $2 AND device_id = $3 AND client_id IS NOT DISTINCT FROM $4
);

-- name: connection_ids
-- Ids of connections by name.
SELECT name, id FROM views.connection WHERE tenant = $1 AND name = ANY ($2::text[]) AND NOT deleted;
