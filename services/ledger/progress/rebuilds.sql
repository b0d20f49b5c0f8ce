-- name: building
-- Returns the generations that rebuilds have not finished, the oldest first.
SELECT number, definition, code, renormalized FROM ledger.generation WHERE state = 'building' ORDER BY number;

-- name: add_generation
-- Adds the next generation and returns its number.
INSERT INTO ledger.generation (number, state, definition, code, renormalized)
SELECT coalesce(max(number), 0) + 1, 'building', $1, $2, $3 FROM ledger.generation
RETURNING number;

-- name: is_renormalized
-- Returns whether the logins of a generation were mapped again.
SELECT renormalized FROM ledger.generation WHERE number = $1;

-- name: live_definition
-- Returns the hash of the table definitions of the live generation.
SELECT definition FROM ledger.generation WHERE state = 'live';

-- name: retire_live
-- Ends the time in which a generation is live.
UPDATE ledger.generation SET state = 'retired', retired_at = now() WHERE state = 'live';

-- name: make_live
-- Makes a generation live.
UPDATE ledger.generation SET state = 'live', retired_at = NULL WHERE number = $1;

-- name: generation_definition
-- Returns the hash of the table definitions of a generation.
SELECT definition FROM ledger.generation WHERE number = $1;

-- name: last_retired
-- Returns the generation that was live before the live one.
SELECT number, definition, code, renormalized FROM ledger.generation WHERE state = 'retired' ORDER BY retired_at DESC NULLS LAST LIMIT 1;

-- name: build_again
-- Lets a retired generation apply events again.
UPDATE ledger.generation SET state = 'building' WHERE number = $1;

-- name: not_live
-- Returns the generations that are not live.
SELECT number FROM ledger.generation WHERE state <> 'live' ORDER BY number;

-- name: long_retired
-- Returns the generations that ceased to be live before a time.
SELECT number FROM ledger.generation WHERE state = 'retired' AND retired_at < $1 ORDER BY number;

-- name: forget_generation
-- Deletes a generation that is not live, with its positions and its plan.
DELETE FROM ledger.generation WHERE number = $1 AND state <> 'live';

-- name: hold_live
-- Keeps the live generation from being exchanged by another session, and returns its number.
SELECT number FROM ledger.generation WHERE state = 'live' FOR NO KEY UPDATE;

-- name: hold_positions
-- Keeps the positions of a generation from being moved.
SELECT FROM ledger.position WHERE generation = $1 AND topic = $2 FOR UPDATE;

-- name: enter_phase
-- Records what a rebuild does now.
UPDATE ledger.generation SET phase = $2, progress_at = now() WHERE number = $1;

-- name: begin_progress
-- Enters the replay, with the events of the parts that are written.
UPDATE ledger.generation SET
    phase = 'replay', events_total = $2, progress_at = now(),
    events_done = (SELECT coalesce(sum(events), 0) FROM ledger.rebuild_bucket WHERE generation = $1)
WHERE number = $1;

-- name: add_progress
-- Counts events that were folded.
UPDATE ledger.generation SET events_done = events_done + $2, progress_at = now() WHERE number = $1;

-- name: events_done
-- Returns how many events a rebuild has folded.
SELECT events_done FROM ledger.generation WHERE number = $1;

-- name: add_partition
-- Adds up to where a partition is replayed, and in how many parts.
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

-- name: take_rebuild
-- Takes the right to rebuild for this session, unless another session has it.
SELECT pg_try_advisory_lock($1);

-- name: add_bucket
-- Records that a part of a partition is written, and the time of the partition's last record.
WITH part AS (
    INSERT INTO ledger.rebuild_bucket (generation, partition, bucket, events) VALUES ($1, $2, $3, $4)
)
UPDATE ledger.rebuild_partition SET recorded_at = $5 WHERE generation = $1 AND partition = $2;

-- name: begin_after_replay
-- Sets the positions of a generation to where its replay ends, unless they are set.
INSERT INTO ledger.position (generation, topic, partition, next_offset, recorded_at)
SELECT generation, $2, partition, end_offset, recorded_at FROM ledger.rebuild_partition WHERE generation = $1
ON CONFLICT DO NOTHING;

-- name: next_offsets
-- Returns the positions of a generation.
SELECT partition, next_offset FROM ledger.position WHERE generation = $1 AND topic = $2;

-- name: notify
-- Notifies the waiting processes at the commit.
SELECT pg_notify($1, $2);

-- name: add_index
-- Records an index that a generation goes without.
INSERT INTO ledger.rebuild_index (generation, name, statement) VALUES ($1, $2, $3);

-- name: missing_indexes
-- Returns the indexes that a generation still lacks: primary keys first, then those that take longest.
SELECT name, statement FROM ledger.rebuild_index
WHERE generation = $1
ORDER BY statement LIKE '%PRIMARY KEY%' DESC, statement LIKE '% USING gin %' DESC, name;

-- name: forget_index
-- Records that an index was made again.
DELETE FROM ledger.rebuild_index WHERE generation = $1 AND name = $2;

-- name: subjects
-- Returns about how many subjects there are, from statistics.
SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'ledger.subject_key'::regclass;

-- name: owner
-- Returns the role that owns the ledger, quoted as an identifier.
SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = 'ledger.generation'::regclass;
