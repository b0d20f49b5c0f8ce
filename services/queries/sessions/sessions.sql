-- name: sessions_of
-- Returns a page of the sessions of a person that have not ended. One whose end is not known is returned for 30 days after
-- it was last seen.
SELECT * FROM views.session
WHERE tenant = $1 AND subject = $2 AND id > $3
    AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    AND (expires_at IS NOT NULL OR idle_expires_at IS NOT NULL OR seen_at > now() - interval '30 days')
ORDER BY id LIMIT $4;

-- name: count_sessions_of
-- Returns how many sessions `sessions_of` goes through.
SELECT count(*) FROM views.session
WHERE tenant = $1 AND subject = $2
    AND coalesce(expires_at, 'infinity') > now() AND coalesce(idle_expires_at, 'infinity') > now()
    AND (expires_at IS NOT NULL OR idle_expires_at IS NOT NULL OR seen_at > now() - interval '30 days');

-- name: find_session
-- Returns a session that has not ended by its id; where several people had one, the one last seen.
SELECT s.*, p.user_id
FROM views.session AS s
JOIN views.profile AS p ON p.tenant = s.tenant AND p.subject = s.subject
WHERE s.tenant = $1 AND s.id = $2
    AND coalesce(s.expires_at, 'infinity') > now() AND coalesce(s.idle_expires_at, 'infinity') > now()
    AND (s.expires_at IS NOT NULL OR s.idle_expires_at IS NOT NULL OR s.seen_at > now() - interval '30 days')
ORDER BY s.seen_at DESC, s.subject LIMIT 1;
