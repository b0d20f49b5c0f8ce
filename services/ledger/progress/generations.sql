-- name: live_generation
-- Returns the generation that the stable views show.
SELECT number FROM ledger.generation WHERE state = 'live';

-- name: generation_origin
-- Returns the hash of the code that determined the rows of a generation, and whether its logins were mapped again.
SELECT code, renormalized FROM ledger.generation WHERE number = $1;

-- name: list_generations
-- Returns all generations with the progress of their rebuilds, the newest first.
SELECT number, state, phase, created_at, events_done, events_total, progress_at, retired_at FROM ledger.generation ORDER BY number DESC;

-- name: rebuild_progress
-- Returns the phase, the events replayed and the events in all of the newest generation that a rebuild fills.
SELECT phase, events_done, coalesce(events_total, 0) FROM ledger.generation
WHERE state = 'building' AND phase IS NOT NULL
ORDER BY number DESC
LIMIT 1;
