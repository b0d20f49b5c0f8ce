-- name: write_log_entries
-- Adds the entries of a batch; positions are exact, so none comes twice.
INSERT INTO log_entry (
    tenant, log_id, date, type, description, connection, client_id, hostname, ip, user_agent, user_id, user_name, strategy,
    strategy_type, organization_id, subject, details, more
)
SELECT
    tenant, log_id, date, type, description, connection, client_id, hostname, ip, user_agent, user_id, user_name,
    strategy, strategy_type, organization_id, subject, details, more
FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[]
) AS r (
    tenant, log_id, date, type, description, connection, client_id, hostname, ip, user_agent, user_id, user_name, strategy,
    strategy_type, organization_id, subject, details, more
);

-- name: read_retentions
-- Returns the days for which tenants keep log entries; tenants that keep them for ever are left out.
SELECT tenant, log_retention_days AS days
FROM /*{setting*/ setting /*setting}*/
WHERE kind = 'tenant' AND id = 'settings' AND NOT deleted AND log_retention_days IS NOT NULL;

-- name: delete_expired
-- Deletes the oldest of a tenant's entries below an id, up to a number of rows.
DELETE FROM log_entry WHERE tenant = $1 AND log_id IN (
    SELECT log_id FROM log_entry WHERE tenant = $1 AND log_id < $2 ORDER BY log_id LIMIT $3
);
