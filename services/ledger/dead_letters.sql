-- name: note_dead_letters
-- Records that were quarantined; those noted before stay as they are, those older than the topics keep them go.
WITH gone AS (
    DELETE FROM ledger.dead_letter WHERE recorded_at < clock_timestamp() - make_interval(secs => $8)
)
INSERT INTO ledger.dead_letter (topic, partition, log_offset, reason, detail, tenant, earlier)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (topic, partition, log_offset) DO NOTHING;

-- name: noted
-- Letters of a batch that were noted when it was taken before, with how many others each tells of.
SELECT d.partition, d.log_offset, d.earlier
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, log_offset)
JOIN ledger.dead_letter AS d USING (topic, partition, log_offset);

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
