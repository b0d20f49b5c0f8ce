-- name: read_guards
-- What stands against the subjects a batch touches; most have nothing.
SELECT g.tenant, g.subject, g.connection, g.identifier, g.failures, g.last_failed, g.ips, g.memory
FROM unnest($1::text[], $2::text[]) AS asked (tenant, subject)
JOIN login_guard AS g ON g.tenant = asked.tenant AND g.subject = asked.subject;

-- name: write_guards
-- Puts changed failures in place.
INSERT INTO login_guard (tenant, subject, connection, identifier, failures, last_failed, ips, memory)
SELECT tenant, subject, connection, identifier, failures, last_failed, ips::jsonb, memory
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
    AS r (tenant, subject, connection, identifier, failures, last_failed, ips, memory)
ON CONFLICT (tenant, subject, connection, identifier) DO UPDATE SET
    failures = excluded.failures, last_failed = excluded.last_failed, ips = excluded.ips, memory = excluded.memory;

-- name: delete_guards
-- Failures that count no more.
DELETE FROM login_guard AS g USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, subject, connection, identifier)
WHERE g.tenant = gone.tenant AND g.subject = gone.subject AND g.connection = gone.connection AND g.identifier = gone.identifier;

-- name: read_addresses
-- What partitions know of the addresses a batch touches.
SELECT i.tenant, i.ip, i.partition, i.times, i.released_at
FROM unnest($1::text[], $2::text[], $3::int[]) AS asked (tenant, ip, partition)
JOIN ip_guard AS i ON i.tenant = asked.tenant AND i.ip = asked.ip AND i.partition = asked.partition;

-- name: write_addresses
-- Puts changed addresses in place; times come as array literals.
INSERT INTO ip_guard (tenant, ip, partition, times, released_at)
SELECT tenant, ip, partition, times::bigint[], released_at
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[]) AS r (tenant, ip, partition, times, released_at)
ON CONFLICT (tenant, ip, partition) DO UPDATE SET times = excluded.times, released_at = excluded.released_at;
