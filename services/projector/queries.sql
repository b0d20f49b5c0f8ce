-- name: live_generation
-- The generation the stable views show.
SELECT number FROM ledger.generation WHERE state = 'live';

-- name: read_positions
-- Where this generation goes on.
SELECT partition, next_offset, recorded_at FROM ledger.position WHERE generation = $1 AND topic = $2 AND partition = ANY($3::int[]);

-- name: history
-- How far the generations before this one had come.
SELECT partition, max(next_offset) AS next_offset FROM ledger.position WHERE topic = $1 AND generation < $2 GROUP BY partition;

-- name: advance
-- Moves the positions, all or none (VT001), and wakes whoever waits for them.
SELECT ledger.advance($1, $2, $3, $4, $5, $6), pg_notify($7, $8);

-- name: first_positions
-- Partitions nobody has read yet begin at the beginning.
INSERT INTO ledger.position (generation, topic, partition, next_offset)
SELECT $1, $2, asked.partition, 0 FROM unnest($3::int[]) AS asked (partition)
ON CONFLICT DO NOTHING;

-- name: confirm_claims
-- The log holds the events of these claims.
UPDATE ledger.reservation SET confirmed = true WHERE event_id = ANY($1::uuid[]);

-- name: drop_claims
-- The fold refused the events of these claims.
DELETE FROM ledger.reservation WHERE event_id = ANY($1::uuid[]);

-- name: release_claims
-- What people gave up: the confirmed claims of a kind in a connection but the one of the event that replaced them. Those of
-- events still on their way stay.
DELETE FROM ledger.reservation AS r
USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[]) AS gone (tenant, subject, kind, connection, kept)
WHERE r.tenant = gone.tenant AND r.subject = gone.subject AND r.kind = gone.kind AND r.connection = gone.connection
    AND r.event_id <> gone.kept AND r.confirmed;

-- name: topic_epoch
-- Which life of the topic this is.
SELECT epoch FROM ledger.topic_epoch WHERE topic = $1;

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
