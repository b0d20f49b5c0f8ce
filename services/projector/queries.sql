-- name: retentions
-- For how many days tenants keep log entries, where not for ever.
SELECT tenant, log_retention_days AS days
FROM setting
WHERE kind = 'tenant' AND id = 'settings' AND NOT deleted AND log_retention_days IS NOT NULL;

-- name: prune
-- Deletes some of a tenant's oldest entries.
DELETE FROM log_entry WHERE tenant = $1 AND log_id IN (
    SELECT log_id FROM log_entry WHERE tenant = $1 AND log_id < $2 ORDER BY log_id LIMIT $3
);
