-- name: add_to_days
-- Adds the counts of a batch to their days.
INSERT INTO daily AS d (tenant, date, partition, logins, signups, leaked_passwords, created_at, updated_at)
SELECT tenant, date, partition, logins, signups, leaked_passwords, created_at, updated_at
FROM unnest(
    $1::text[], $2::date[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::timestamptz[]
) AS r (tenant, date, partition, logins, signups, leaked_passwords, created_at, updated_at)
ON CONFLICT (tenant, date, partition) DO UPDATE SET
    logins = d.logins + excluded.logins, signups = d.signups + excluded.signups,
    leaked_passwords = d.leaked_passwords + excluded.leaked_passwords,
    created_at = least(d.created_at, excluded.created_at), updated_at = greatest(d.updated_at, excluded.updated_at);
