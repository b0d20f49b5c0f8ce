-- name: request
-- Requests the replay of dead letters that are not settled, of a tenant or of none that is known: those of these places, or
-- all with a reason. Returns their places.
UPDATE ledger.dead_letter SET requested_at = clock_timestamp(), requested_by = $4, outcome = NULL
WHERE (tenant = $1 OR tenant IS NULL) AND settled_at IS NULL
    AND ($2::text[] IS NULL OR concat_ws('/', topic, partition, log_offset) = ANY ($2)) AND ($3::text IS NULL OR reason = $3)
RETURNING topic, partition, log_offset;

-- name: drop
-- Settles such dead letters without a replay. Returns their places.
UPDATE ledger.dead_letter SET settled_at = clock_timestamp(), requested_at = NULL, requested_by = $4, outcome = 'dropped'
WHERE (tenant = $1 OR tenant IS NULL) AND settled_at IS NULL
    AND ($2::text[] IS NULL OR concat_ws('/', topic, partition, log_offset) = ANY ($2)) AND ($3::text IS NULL OR reason = $3)
RETURNING topic, partition, log_offset;

-- name: lock
-- Returns whether this transaction may replay dead letters of the topic: one at a time keeps their order.
SELECT pg_try_advisory_xact_lock(hashtextextended('replays of ' || $1::text, 0));

-- name: next
-- Returns the first dead letter of the topic whose replay is requested, in the order of the topic.
SELECT topic, partition, log_offset, reason, tenant, recorded_at FROM ledger.dead_letter
WHERE topic = $1 AND requested_at IS NOT NULL AND settled_at IS NULL
ORDER BY partition, log_offset LIMIT 1;

-- name: replayed
-- Settles a dead letter whose record has taken effect.
UPDATE ledger.dead_letter SET settled_at = clock_timestamp(), outcome = 'replayed'
WHERE topic = $1 AND partition = $2 AND log_offset = $3;

-- name: refused
-- Ends the replay of a dead letter that failed again, with the present reason.
UPDATE ledger.dead_letter SET requested_at = NULL, outcome = 'refused', reason = $4, detail = $5
WHERE topic = $1 AND partition = $2 AND log_offset = $3;

-- name: states
-- Returns what became of the replays of these dead letters; the outcome is null while one is requested.
SELECT topic, partition, log_offset, outcome, reason, detail FROM ledger.dead_letter
WHERE concat_ws('/', topic, partition, log_offset) = ANY ($1::text[]) ORDER BY topic, partition, log_offset;

-- name: recent
-- Returns how many unsettled dead letters of the topic were recorded within the last hour.
SELECT count(*) FROM ledger.dead_letter
WHERE recorded_at > clock_timestamp() - interval '1 hour' AND topic = $1 AND settled_at IS NULL;
