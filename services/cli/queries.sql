-- name: add_tenant
-- A new tenant; nothing when there is one of that name.
INSERT INTO ledger.tenant (name, display_name, strict_connections) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: tenants
-- Every tenant, in the order of their names.
SELECT name, display_name, strict_connections, created_at FROM ledger.tenant ORDER BY name;

-- name: tenant_exists
-- Whether there is a tenant of that name.
SELECT EXISTS (SELECT FROM ledger.tenant WHERE name = $1);

-- name: clients
-- The API clients of a tenant, of all tenants when none is named.
SELECT tenant, client_id, name, scopes FROM views.client_summary
WHERE NOT deleted AND ($1::text IS NULL OR tenant = $1) ORDER BY tenant, name, client_id;

-- name: client_scopes
-- What a client may do; no row when there is no such client.
SELECT scopes FROM views.client_summary WHERE tenant = $1 AND client_id = $2 AND NOT deleted;

-- name: heartbeats
-- Signs of life, judged by the database's clock. A process that ended is left out once another one started
-- after it, and five minutes after its end when others of its kind are alive.
SELECT worker, instance, pid, host, handled, rate, last_error, last_error_at, state, reason, notice, is_alive,
    extract(epoch FROM clock_timestamp() - seen_at)::float8 AS seen_seconds_ago
FROM ledger.heartbeat AS one
CROSS JOIN LATERAL (SELECT seen_at > clock_timestamp() - interval '5 seconds') AS life (is_alive)
WHERE is_alive
    OR NOT EXISTS (
        SELECT FROM ledger.heartbeat AS other
        WHERE other.worker = one.worker
            AND (
                other.started_at > one.seen_at
                OR (
                    other.seen_at > clock_timestamp() - interval '5 seconds'
                    AND one.seen_at < clock_timestamp() - interval '5 minutes'
                )
            )
    )
ORDER BY worker, instance;

-- name: dead_letter_counts
-- How many records were quarantined for each reason, and since when.
SELECT reason, count(*) AS total, min(recorded_at) AS oldest, max(recorded_at) AS newest,
    count(*) FILTER (WHERE recorded_at > clock_timestamp() - interval '1 day') AS last_day
FROM ledger.dead_letter GROUP BY reason ORDER BY reason;

-- name: dead_letters
-- Quarantined records, the newest first.
SELECT topic, partition, log_offset, reason, detail, tenant, recorded_at, opened_at, opened_by
FROM ledger.dead_letter
WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR reason = $2)
ORDER BY recorded_at DESC, topic, partition, log_offset DESC LIMIT $3;

-- name: dead_letter
-- One quarantined record.
SELECT topic, partition, log_offset, reason, detail, tenant, recorded_at, opened_at, opened_by
FROM ledger.dead_letter WHERE topic = $1 AND partition = $2 AND log_offset = $3;

-- name: dead_letter_opened
-- Who opened a quarantined record last.
UPDATE ledger.dead_letter SET opened_at = clock_timestamp(), opened_by = $4
WHERE topic = $1 AND partition = $2 AND log_offset = $3;

-- name: projector_positions
-- How far the live generation has come on a topic.
SELECT p.partition, p.next_offset FROM ledger.position AS p
JOIN ledger.generation AS g ON g.number = p.generation AND g.state = 'live'
WHERE p.topic = $1;

-- name: subject_of_user
-- The opaque subject behind a user id.
SELECT subject FROM views.person WHERE tenant = $1 AND user_id = $2;

-- name: places_of_subject
-- Where a person's records lie on the log.
SELECT partition, log_offset FROM trail.leaf WHERE tenant = $1 AND subject = $2 ORDER BY partition, leaf_index;

-- name: add_gateway_key
-- The next secret of a gateway.
INSERT INTO ledger.gateway_key (gateway, number, tenant, name, secret)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4 FROM ledger.gateway_key WHERE gateway = $1;

-- name: end_gateway_keys
-- Ends the secrets of a gateway that still count after a while; its name, or no row when none counts.
UPDATE ledger.gateway_key SET ends_at = least(ends_at, clock_timestamp() + $3::interval)
WHERE tenant = $1 AND gateway = $2 AND (ends_at IS NULL OR ends_at > clock_timestamp())
RETURNING name;

-- name: gateways
-- Gateways and their secrets, by tenant and age.
SELECT tenant, gateway, name, number, created_at, ends_at FROM ledger.gateway_key
WHERE $1::text IS NULL OR tenant = $1
ORDER BY tenant, min(created_at) OVER (PARTITION BY gateway), gateway, number;
