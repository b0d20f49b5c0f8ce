-- name: begin
-- Begins a request under a key that is unused or expired; no row if another request has the key.
INSERT INTO ledger.idempotency AS kept (tenant, place, request, lease_until)
VALUES ($1, $2, $3, now() + $4 * interval '1 second')
ON CONFLICT (tenant, place) DO UPDATE SET
    request = excluded.request, started_at = now(), lease_until = excluded.lease_until, result = NULL,
    owner = NULL
WHERE kept.started_at < now() - $5 * interval '1 second'
RETURNING true AS begun;

-- name: find
-- Returns the request in a place with its deciding event, the seconds until the event is on the log or never will be, and
-- the keys of the owner of its result.
SELECT
    i.request, i.result, greatest(0, ceil(extract(epoch FROM i.lease_until - now())))::integer AS seconds_left,
    greatest(0, ceil(extract(
        epoch FROM greatest(i.started_at, r.reserved_at) + make_interval(secs => $3) - now()
    )))::integer AS seconds_open,
    coalesce(r.confirmed, false) AS confirmed, r.subject, r.event_id, i.owner, k.version, k.profile, k.activity
FROM ledger.idempotency AS i
LEFT JOIN ledger.reservation AS r
    ON r.tenant = $1 AND r.connection = '' AND r.kind = 'request' AND r.value = encode(i.place, 'hex')
LEFT JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = i.owner
WHERE i.tenant = $1 AND i.place = $2;

-- name: reserve_event
-- Reserves the event that decides a request, in place of an earlier one.
INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)
VALUES ($1, '', 'request', $2, $3, $4)
ON CONFLICT ON CONSTRAINT reservation_unique DO UPDATE
SET event_id = excluded.event_id, confirmed = false, reserved_at = now();

-- name: begin_again
-- Begins a request again that certainly was not executed; no row if another process did.
UPDATE ledger.idempotency AS i
SET started_at = now(), lease_until = now() + $3 * interval '1 second'
WHERE i.tenant = $1 AND i.place = $2 AND i.result IS NULL AND i.lease_until <= now()
    AND i.started_at <= now() - make_interval(secs => $4)
    AND NOT EXISTS (
        SELECT FROM ledger.reservation AS r
        WHERE r.tenant = $1 AND r.connection = '' AND r.kind = 'request' AND r.value = encode(i.place, 'hex')
    )
RETURNING true AS begun;

-- name: find_made
-- Returns what the event of a request made: the name of its id in the API, and the id.
SELECT 'user_id' AS name, p.user_id AS id FROM views.profile AS p WHERE p.tenant = $1 AND p.subject = $2
UNION ALL
SELECT 'id', c.id FROM views.connection AS c WHERE c.tenant = $1 AND c.event_id = $3
UNION ALL
SELECT 'client_id', c.client_id FROM views.client AS c WHERE c.tenant = $1 AND c.event_id = $3
UNION ALL
SELECT 'id', s.id FROM views.setting AS s WHERE s.tenant = $1 AND s.event_id = $3;

-- name: forget_events
-- Deletes the reservations of events of requests whose time is over.
DELETE FROM ledger.reservation
WHERE tenant = $1 AND kind = 'request' AND confirmed AND reserved_at < now() - $2 * interval '1 second';

-- name: keep
-- Stores the result of a request and the owner of the keys that seal it.
UPDATE ledger.idempotency SET result = $3, owner = $4, lease_until = now() WHERE tenant = $1 AND place = $2;

-- name: lose
-- Ends a request whose result will never be known.
UPDATE ledger.idempotency SET lease_until = now() WHERE tenant = $1 AND place = $2 AND result IS NULL;

-- name: free
-- Deletes a request that has done nothing.
DELETE FROM ledger.idempotency WHERE tenant = $1 AND place = $2 AND result IS NULL;

-- name: forget
-- Deletes requests whose time is over.
DELETE FROM ledger.idempotency WHERE tenant = $1 AND started_at < now() - $2 * interval '1 second';
