-- name: applied_positions
-- How far the live generation is applied, and up to which broker time.
SELECT p.partition, p.next_offset, p.recorded_at
FROM ledger.position AS p
JOIN ledger.generation AS g ON g.number = p.generation AND g.state = 'live'
WHERE p.topic = $1;
