-- name: read_guards
-- Returns the failed logins of the subjects that a batch touches; most have none.
SELECT g.tenant, g.subject, g.connection, g.identifier, g.failures, g.last_failed, g.ips, g.memory
FROM unnest($1::text[], $2::text[]) AS touched (tenant, subject)
JOIN login_guard AS g ON g.tenant = touched.tenant AND g.subject = touched.subject;

-- name: write_guards
-- Writes changed failures.
INSERT INTO login_guard (tenant, subject, connection, identifier, failures, last_failed, ips, memory)
SELECT tenant, subject, connection, identifier, failures, last_failed, ips::jsonb, memory
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
    AS r (tenant, subject, connection, identifier, failures, last_failed, ips, memory)
ON CONFLICT (tenant, subject, connection, identifier) DO UPDATE SET
    failures = excluded.failures, last_failed = excluded.last_failed, ips = excluded.ips, memory = excluded.memory;

-- name: delete_guards
-- Deletes failures that no longer count.
DELETE FROM login_guard AS g USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, subject, connection, identifier)
WHERE g.tenant = gone.tenant AND g.subject = gone.subject AND g.connection = gone.connection AND g.identifier = gone.identifier;

-- name: read_addresses
-- Returns the failures of the addresses that a batch touches, by partition.
SELECT i.tenant, i.ip, i.partition, i.times, i.released_at
FROM unnest($1::text[], $2::text[], $3::int[]) AS touched (tenant, ip, partition)
JOIN ip_guard AS i ON i.tenant = touched.tenant AND i.ip = touched.ip AND i.partition = touched.partition;

-- name: write_addresses
-- Writes changed addresses; times are array literals.
INSERT INTO ip_guard (tenant, ip, partition, times, released_at)
SELECT tenant, ip, partition, times::bigint[], released_at
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[]) AS r (tenant, ip, partition, times, released_at)
ON CONFLICT (tenant, ip, partition) DO UPDATE SET times = excluded.times, released_at = excluded.released_at;
