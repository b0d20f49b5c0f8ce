-- name: live_positions
-- Returns how far the live generation is applied on a topic, and the broker time of the last record of each partition.
SELECT p.generation, p.partition, p.next_offset, p.recorded_at
FROM ledger.position AS p
JOIN ledger.generation AS g ON g.number = p.generation AND g.state = 'live'
WHERE p.topic = $1;

-- name: read_positions
-- Returns how far a generation is applied on some partitions.
SELECT partition, next_offset, recorded_at FROM ledger.position WHERE generation = $1 AND topic = $2 AND partition = ANY($3::int[]);

-- name: passed_positions
-- Returns how far the generations before this one were applied.
SELECT partition, max(next_offset) AS next_offset FROM ledger.position WHERE topic = $1 AND generation < $2 GROUP BY partition;

-- name: begin_positions
-- Sets partitions that the generation has never read to the beginning.
INSERT INTO ledger.position (generation, topic, partition, next_offset)
SELECT $1, $2, requested.partition, 0 FROM unnest($3::int[]) AS requested (partition)
ON CONFLICT DO NOTHING;

-- name: advance
-- Moves the positions, all or none (VT001), and notifies the waiting processes.
SELECT ledger.advance($1, $2, $3, $4, $5, $6), pg_notify($7, $8);

-- name: hold_position
-- Returns how far a partition is applied, and locks it: no projector writes rows of its users until the transaction ends.
SELECT next_offset FROM ledger.position WHERE generation = $1 AND topic = $2 AND partition = $3 FOR UPDATE;
