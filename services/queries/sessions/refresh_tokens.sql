-- name: refresh_tokens_of
-- Returns a page of the refresh tokens of a person that have not ended, of one client where it is named. Of each client the
-- 200 newest count.
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY client_id ORDER BY created_at DESC, id DESC) AS place
    FROM views.refresh_token
    WHERE tenant = $1 AND subject = $2 AND ($5::text IS NULL OR client_id = $5)
        AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
) AS t
WHERE place <= 200 AND id > $3
ORDER BY id LIMIT $4;

-- name: count_refresh_tokens_of
-- Returns how many refresh tokens `refresh_tokens_of` goes through.
SELECT coalesce(sum(least(of_client, 200)), 0)::bigint FROM (
    SELECT count(*) AS of_client FROM views.refresh_token
    WHERE tenant = $1 AND subject = $2
        AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    GROUP BY client_id
) AS t;

-- name: find_refresh_token
-- Returns a refresh token that has not ended by its id; where several people had one, the newest.
SELECT t.*, p.user_id
FROM views.refresh_token AS t
JOIN views.profile AS p ON p.tenant = t.tenant AND p.subject = t.subject
WHERE t.tenant = $1 AND t.id = $2
    AND coalesce(t.expires_at, 'infinity') > now() AND coalesce(t.idle_expires_at, 'infinity') > now()
ORDER BY t.created_at DESC, t.subject LIMIT 1;

-- name: owners_of_refresh_tokens
-- Returns which of these refresh tokens each user has.
SELECT p.user_id, array_agg(t.id ORDER BY t.id) AS ids
FROM views.refresh_token AS t
JOIN views.profile AS p ON p.tenant = t.tenant AND p.subject = t.subject
WHERE t.tenant = $1 AND t.id = ANY ($2::text[])
GROUP BY p.user_id ORDER BY p.user_id;
