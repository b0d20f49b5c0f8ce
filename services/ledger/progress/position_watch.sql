-- name: hold
-- Takes a shared advisory lock, which shows other processes that this one is alive until its session ends.
SELECT pg_advisory_lock_shared($1);
