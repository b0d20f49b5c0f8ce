-- name: log_page
-- Returns a page of log entries of which the conditions are true, the newest first unless another order is filled in.
SELECT
    e.log_id, e.date, e.type, e.description, e.connection, n.id AS connection_id, e.client_id, c.name AS client_name, e.ip,
    e.hostname, e.user_id, e.user_name, e.strategy, e.strategy_type, e.organization_id, e.user_agent, e.details, e.more
FROM (
    SELECT e.* FROM views.tenant_log AS e
    WHERE e.tenant = $1 AND e.log_id >= $2 AND /*{conditions*/ true /*conditions}*/
    ORDER BY /*{order_of_entries*/ e.log_id DESC /*order_of_entries}*/ LIMIT $3 OFFSET $4
) AS e
LEFT JOIN views.client AS c ON c.tenant = $1 AND c.client_id = e.client_id
LEFT JOIN LATERAL (
    SELECT k.id FROM views.connection AS k WHERE k.tenant = $1 AND k.name = e.connection ORDER BY k.deleted, k.id LIMIT 1
) AS n ON true
ORDER BY /*{order_of_rows*/ e.log_id DESC /*order_of_rows}*/;
