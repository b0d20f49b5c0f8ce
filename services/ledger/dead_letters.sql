-- name: note
-- Records dead letters unless they are recorded already, and deletes those older than the topics keep them.
WITH gone AS (
    DELETE FROM ledger.dead_letter WHERE recorded_at < clock_timestamp() - make_interval(secs => $8)
)
INSERT INTO ledger.dead_letter (topic, partition, log_offset, reason, detail, tenant, earlier)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (topic, partition, log_offset) DO NOTHING;

-- name: find_noted
-- Returns those of these dead letters that are recorded already, each with the number of others that its notice counts.
SELECT d.partition, d.log_offset, d.earlier
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS requested (topic, partition, log_offset)
JOIN ledger.dead_letter AS d USING (topic, partition, log_offset);

-- name: count
-- Returns how many unsettled dead letters there are for each reason, and since when.
SELECT reason, count(*) AS total, min(recorded_at) AS oldest, max(recorded_at) AS newest,
    count(*) FILTER (WHERE recorded_at > clock_timestamp() - interval '1 day') AS last_day
FROM ledger.dead_letter WHERE settled_at IS NULL GROUP BY reason ORDER BY reason;

-- name: list
-- Returns dead letters, the newest first; settled ones on request.
SELECT topic, partition, log_offset, reason, detail, tenant, recorded_at, opened_at, opened_by, requested_at, requested_by,
    settled_at, outcome
FROM ledger.dead_letter
WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR reason = $2) AND ($4::boolean OR settled_at IS NULL)
ORDER BY recorded_at DESC, topic, partition, log_offset DESC LIMIT $3;

-- name: find
-- Returns one dead letter.
SELECT topic, partition, log_offset, reason, detail, tenant, recorded_at, opened_at, opened_by
FROM ledger.dead_letter WHERE topic = $1 AND partition = $2 AND log_offset = $3;

-- name: note_opened
-- Records who opened a dead letter last.
UPDATE ledger.dead_letter SET opened_at = clock_timestamp(), opened_by = $4
WHERE topic = $1 AND partition = $2 AND log_offset = $3;
