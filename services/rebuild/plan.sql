-- name: add_partition
-- Says up to where a partition is replayed, and in how many parts.
INSERT INTO ledger.rebuild_partition (generation, partition, end_offset, buckets) VALUES ($1, $2, $3, $4);

-- name: partitions
-- Returns the plan of a generation, with the parts of each partition that are written.
SELECT p.partition, p.end_offset, p.buckets, array_agg(b.bucket) FILTER (WHERE b.bucket IS NOT NULL) AS written
FROM ledger.rebuild_partition AS p
LEFT JOIN ledger.rebuild_bucket AS b USING (generation, partition)
WHERE p.generation = $1
GROUP BY p.partition, p.end_offset, p.buckets
ORDER BY p.partition;

-- name: take_partition
-- Takes a partition for this session, unless another session replays it.
SELECT pg_try_advisory_lock($1, $2);

-- name: leave_partition
-- Gives a partition back.
SELECT pg_advisory_unlock($1, $2);

-- name: add_bucket
-- Records that a part of a partition is written, and the time of the partition's last record.
WITH part AS (
    INSERT INTO ledger.rebuild_bucket (generation, partition, bucket, events) VALUES ($1, $2, $3, $4)
)
UPDATE ledger.rebuild_partition SET recorded_at = $5 WHERE generation = $1 AND partition = $2;

-- name: add_progress
-- Counts events that were folded.
UPDATE ledger.generation SET events_done = events_done + $2, progress_at = now() WHERE number = $1;

-- name: begin_progress
-- Counts the events of the parts that are written, after which a replay begins or goes on.
UPDATE ledger.generation SET
    phase = 'replay', events_total = $2, progress_at = now(),
    events_done = (SELECT coalesce(sum(events), 0) FROM ledger.rebuild_bucket WHERE generation = $1)
WHERE number = $1;

-- name: people
-- Returns about how many subjects there are, from statistics.
SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'ledger.subject_key'::regclass;
