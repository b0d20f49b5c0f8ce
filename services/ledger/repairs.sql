-- name: request
-- Requests the repair of people's rows.
INSERT INTO ledger.repair AS r (tenant, subject, requested_by)
SELECT tenant, subject, $3 FROM unnest($1::text[], $2::text[]) AS wanted (tenant, subject)
ON CONFLICT (tenant, subject) DO UPDATE
SET requested_at = clock_timestamp(), requested_by = excluded.requested_by, rounds = 0, mended = '{}', settled_at = NULL, failure = NULL;

-- name: found
-- Returns whose rows differ from their history, of one tenant.
SELECT tenant, subject, array_agg(name ORDER BY name) AS names, min(found_at) AS found_at FROM ledger.difference
WHERE tenant = $1 GROUP BY tenant, subject ORDER BY min(found_at);

-- name: state
-- Returns what became of the repair of a person.
SELECT rounds, mended, settled_at, failure FROM ledger.repair WHERE tenant = $1 AND subject = $2;

-- name: next
-- Takes the repair that waits for the longest, unless another process works on it; NULL where a round came a moment ago.
SELECT tenant, subject FROM ledger.repair
WHERE settled_at IS NULL AND requested_at + make_interval(secs => rounds) <= clock_timestamp()
ORDER BY requested_at, tenant, subject LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: mended
-- Records a round that mended something: another one confirms it.
UPDATE ledger.repair
SET rounds = rounds + 1, mended = (SELECT array_agg(DISTINCT name ORDER BY name) FROM unnest(mended || $3::text[]) AS n (name))
WHERE tenant = $1 AND subject = $2;

-- name: settle
-- Ends a repair: nothing differs any more, or it failed.
UPDATE ledger.repair SET settled_at = clock_timestamp(), failure = $3 WHERE tenant = $1 AND subject = $2;

-- name: clear
-- Forgets the differences of a person.
DELETE FROM ledger.difference WHERE tenant = $1 AND subject = $2;

-- name: note
-- Records differences of a person.
INSERT INTO ledger.difference (tenant, subject, name) SELECT $1, $2, n FROM unnest($3::text[]) AS n
ON CONFLICT DO NOTHING;

-- name: checked
-- Counts people who were compared with their history.
INSERT INTO ledger.self_check AS c (people, last_at) VALUES ($1, clock_timestamp())
ON CONFLICT (one) DO UPDATE SET people = c.people + excluded.people, last_at = excluded.last_at;

-- name: summary
-- Returns how many people were compared, when the last one was, and how many have a difference of each name.
SELECT c.people, c.last_at, d.name, d.differing
FROM (SELECT max(people) AS people, max(last_at) AS last_at FROM ledger.self_check) AS c
LEFT JOIN (SELECT name, count(*) AS differing FROM ledger.difference GROUP BY name) AS d ON true
ORDER BY d.name;
