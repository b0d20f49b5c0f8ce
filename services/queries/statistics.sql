-- name: count_active_users
-- Returns how many users have signed in since a time.
SELECT count(*) FROM views.tenant_activity WHERE tenant = $1 AND last_login >= $2;

-- name: daily_counts
-- Returns what happened on each day of a range.
SELECT
    date, sum(logins)::bigint AS logins, sum(signups)::bigint AS signups, sum(leaked_passwords)::bigint AS leaked_passwords,
    min(created_at) AS created_at, max(updated_at) AS updated_at
FROM views.daily WHERE tenant = $1 AND date >= $2 AND date <= $3 GROUP BY date ORDER BY date;
