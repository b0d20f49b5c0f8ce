-- name: live_generation
-- Returns the generation that the stable views show.
SELECT number FROM ledger.generation WHERE state = 'live';
