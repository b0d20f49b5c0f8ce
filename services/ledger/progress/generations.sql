-- name: live_generation
-- Returns the generation that the stable views show.
SELECT number FROM ledger.generation WHERE state = 'live';

-- name: generation_code
-- Returns the hash of the code that determined the rows of a generation.
SELECT code FROM ledger.generation WHERE number = $1;

-- name: list_generations
-- Returns all generations with the progress of their rebuilds, the newest first.
SELECT number, state, phase, created_at, events_done, events_total, progress_at, retired_at FROM ledger.generation ORDER BY number DESC;
