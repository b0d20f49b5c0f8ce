-- name: begin_once
-- Takes a place that nobody has, or whose time is over; no row when somebody has it.
INSERT INTO ledger.idempotency AS kept (tenant, place, request, lease_until)
VALUES ($1, $2, $3, now() + $4 * interval '1 second')
ON CONFLICT (tenant, place) DO UPDATE SET
    request = excluded.request, started_at = now(), lease_until = excluded.lease_until, result = NULL
WHERE kept.started_at < now() - $5 * interval '1 second'
RETURNING true AS begun;

-- name: found_once
-- What is known of an earlier request in this place.
SELECT request, result, greatest(0, ceil(extract(epoch FROM lease_until - now())))::integer AS seconds_left
FROM ledger.idempotency WHERE tenant = $1 AND place = $2;

-- name: keep_once
-- The first request's result.
UPDATE ledger.idempotency SET result = $3, lease_until = now() WHERE tenant = $1 AND place = $2;

-- name: lose_once
-- The first request's result will never be known.
UPDATE ledger.idempotency SET lease_until = now() WHERE tenant = $1 AND place = $2 AND result IS NULL;

-- name: free_once
-- The first request has done nothing.
DELETE FROM ledger.idempotency WHERE tenant = $1 AND place = $2 AND result IS NULL;

-- name: forget_once
-- Results whose time is over.
DELETE FROM ledger.idempotency WHERE tenant = $1 AND started_at < now() - $2 * interval '1 second';
