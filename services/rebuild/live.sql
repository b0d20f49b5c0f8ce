-- name: hold_generation
-- Keeps the live generation from being exchanged by another session, and returns it.
SELECT number FROM ledger.generation WHERE state = 'live' FOR NO KEY UPDATE;

-- name: hold_positions
-- Keeps the positions of a generation from being moved.
SELECT FROM ledger.position WHERE generation = $1 AND topic = $2 FOR UPDATE;
