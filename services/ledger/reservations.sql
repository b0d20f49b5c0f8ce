-- name: lock_kind
-- Locks the settings of a kind until the transaction ends, so that one process at a time counts them and adds one.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('/', $1::text, $2::text), 0));

-- name: count_settings
-- Returns how many settings of a kind exist, and how many names are reserved for ones that the view does not show yet.
SELECT (SELECT count(*) FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted)
    + (SELECT count(*) FROM ledger.reservation WHERE tenant = $1 AND connection = $2 AND kind = 'name' AND NOT confirmed);

-- name: reserve
-- Reserves values for one bearer. A value that another bearer has returns no row; a reservation of the bearer moves to the
-- new event.
INSERT INTO ledger.reservation AS r (tenant, connection, kind, value, subject, event_id)
SELECT $1, requested.connection, requested.kind, requested.value, $2, requested.event_id
FROM unnest($3::text[], $4::text[], $5::text[], $6::uuid[]) AS requested (connection, kind, value, event_id)
ON CONFLICT ON CONSTRAINT reservation_unique DO UPDATE
SET event_id = excluded.event_id, confirmed = false, reserved_at = now()
WHERE r.subject = excluded.subject
RETURNING kind;

-- name: values_in_view
-- Returns which of these values another user of the connection has in the view; a root value belongs to the first identity.
SELECT
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.email_folded = $4
    ) AS email,
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.username = $5
    ) AS username,
    EXISTS (
        SELECT FROM views.search AS s
        WHERE s.tenant = $1 AND s.subject <> $3 AND $2 = s.connections[1] AND s.phone_number = $6
    ) AS phone_number;

-- name: connection_name_in_view
-- Returns whether another connection has this name in the view.
SELECT EXISTS (
    SELECT FROM views.connection WHERE tenant = $1 AND name = $2 AND id <> $3 AND NOT deleted
);

-- name: setting_name_in_view
-- Returns whether another setting of the kind has this name in the view.
SELECT EXISTS (
    SELECT FROM views.setting WHERE tenant = $1 AND kind = $2 AND name = $3 AND id <> $4 AND NOT deleted
);

-- name: release
-- Deletes unconfirmed reservations of events that are not on the log.
DELETE FROM ledger.reservation WHERE tenant = $1 AND event_id = ANY ($2::uuid[]) AND NOT confirmed;

-- name: renew
-- Renews reservations of events that this process is still trying to append.
UPDATE ledger.reservation SET reserved_at = now() WHERE tenant = $1 AND event_id = ANY ($2::uuid[]) AND NOT confirmed;

-- name: unsettled
-- Returns unconfirmed reservations of an age at which no process is still trying to append their events.
SELECT event_id, subject FROM ledger.reservation
WHERE tenant = $1 AND NOT confirmed AND reserved_at < now() - make_interval(secs => $2)
LIMIT 1000;

-- name: unsettled_among
-- Returns those of these values that have such a reservation.
SELECT r.event_id, r.subject
FROM unnest($2::text[], $3::text[], $4::text[]) AS requested (connection, kind, value)
JOIN ledger.reservation AS r ON r.tenant = $1 AND r.connection = requested.connection AND r.kind = requested.kind AND r.value = requested.value
WHERE NOT r.confirmed AND r.reserved_at < now() - make_interval(secs => $5);

-- name: release_connection
-- Deletes the reservation of a connection name that no connection in the view has.
DELETE FROM ledger.reservation AS r
WHERE r.tenant = $1 AND r.kind = 'connection' AND r.value = $2 AND r.confirmed
    AND NOT EXISTS (SELECT FROM views.connection AS c WHERE c.tenant = $1 AND c.name = $2 AND NOT c.deleted);

-- name: release_setting
-- Deletes the reservation of a setting name that no setting of the kind in the view has.
DELETE FROM ledger.reservation AS r
WHERE r.tenant = $1 AND r.connection = $2 AND r.kind = 'name' AND r.value = $3 AND r.confirmed
    AND NOT EXISTS (SELECT FROM views.setting AS s WHERE s.tenant = $1 AND s.kind = $2 AND s.name = $3 AND NOT s.deleted);

-- name: confirm
-- Confirms the reservations of events that are on the log.
UPDATE ledger.reservation SET confirmed = true WHERE event_id = ANY($1::uuid[]);

-- name: drop
-- Deletes the reservations of events that the fold rejected.
DELETE FROM ledger.reservation WHERE event_id = ANY($1::uuid[]);

-- name: release_replaced
-- Deletes the confirmed reservations of a kind in a connection that people gave up, except that of the event that replaced
-- them. Reservations of events that are not applied yet stay.
DELETE FROM ledger.reservation AS r
USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[]) AS gone (tenant, subject, kind, connection, kept)
WHERE r.tenant = gone.tenant AND r.subject = gone.subject AND r.kind = gone.kind AND r.connection = gone.connection
    AND r.event_id <> gone.kept AND r.confirmed;
