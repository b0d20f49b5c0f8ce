-- name: live_generation
-- The generation the stable views show.
SELECT number FROM ledger.generation WHERE state = 'live';
