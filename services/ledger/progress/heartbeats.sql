-- name: beat
-- Writes the heartbeat of a process.
INSERT INTO ledger.heartbeat (worker, instance, pid, host, started_at, seen_at, handled, rate, last_error, last_error_at, state, reason, notice)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (worker, instance) DO UPDATE SET
    seen_at = excluded.seen_at, handled = excluded.handled, rate = excluded.rate,
    last_error = excluded.last_error, last_error_at = excluded.last_error_at,
    state = excluded.state, reason = excluded.reason, notice = excluded.notice;

-- name: end
-- Deletes the heartbeat of a process that ended normally.
DELETE FROM ledger.heartbeat WHERE worker = $1 AND instance = $2;

-- name: forget
-- Deletes heartbeats of processes of this worker that ended abnormally more than a day ago.
DELETE FROM ledger.heartbeat WHERE worker = $1 AND seen_at < clock_timestamp() - interval '1 day';

-- name: latest
-- Returns the state of the process of a worker on a host that started last, judged by the database clock.
SELECT state, reason, seen_at > clock_timestamp() - interval '5 seconds' AS is_alive
FROM ledger.heartbeat
WHERE worker = $1 AND host = $2
ORDER BY started_at DESC
LIMIT 1;

-- name: list_beats
-- Returns heartbeats, judged by the database clock. A process that ended is left out once another one started after it, and
-- five minutes after its end when others of its kind are alive.
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
