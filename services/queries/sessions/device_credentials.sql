-- name: list_device_credentials
-- Returns a page of device credentials: public keys and refresh tokens that have not ended, of one user, client or type
-- where they are given. Rotating refresh tokens are returned by their type only.
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
-- Returns how many device credentials `list_device_credentials` goes through.
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

-- name: owner_of_public_key
-- Returns the user of a public key.
SELECT p.user_id
FROM views.device_credential AS d
JOIN views.profile AS p ON p.tenant = d.tenant AND p.subject = d.subject
WHERE d.tenant = $1 AND d.id = $2;

-- name: has_public_key
-- Returns whether a person has a public key for a device and client.
SELECT EXISTS (
    SELECT FROM views.device_credential
    WHERE tenant = $1 AND subject = $2 AND device_id = $3 AND client_id IS NOT DISTINCT FROM $4
);
