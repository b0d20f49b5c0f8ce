-- name: live_positions
-- How far the live generation has come on a topic.
SELECT p.generation, p.partition, p.next_offset
FROM ledger.position AS p
JOIN ledger.generation AS g ON g.number = p.generation AND g.state = 'live'
WHERE p.topic = $1;

-- name: hold
-- Shows other processes that this one is alive, until its session ends.
SELECT pg_advisory_lock_shared($1);
