-- name: write_search
-- Writes the searchable rows of changed users.
INSERT INTO search (
    tenant, subject, user_id, created_at, email, email_folded, email_domain, email_verified, username, phone_number, phone_verified,
    name_folded, nickname_folded, given_name_folded, family_name_folded, blocked, connections, unsearchable
)
SELECT
    tenant, subject, user_id, created_at::timestamptz, email, email_folded, email_domain, email_verified, username, phone_number,
    phone_verified, name_folded, nickname_folded, given_name_folded, family_name_folded, blocked, connections::text[],
    unsearchable::text[]
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[], $10::text[],
    $11::bool[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bool[], $17::text[], $18::text[]
) AS r (
    tenant, subject, user_id, created_at, email, email_folded, email_domain, email_verified, username, phone_number, phone_verified,
    name_folded, nickname_folded, given_name_folded, family_name_folded, blocked, connections, unsearchable
)
ON CONFLICT (tenant, subject) DO UPDATE SET
    user_id = excluded.user_id, created_at = excluded.created_at, email = excluded.email, email_folded = excluded.email_folded,
    email_domain = excluded.email_domain, email_verified = excluded.email_verified, username = excluded.username,
    phone_number = excluded.phone_number, phone_verified = excluded.phone_verified, name_folded = excluded.name_folded,
    nickname_folded = excluded.nickname_folded, given_name_folded = excluded.given_name_folded,
    family_name_folded = excluded.family_name_folded, blocked = excluded.blocked, connections = excluded.connections,
    unsearchable = excluded.unsearchable;

-- name: write_activity
-- Writes the columns that change with every login.
INSERT INTO activity (tenant, subject, updated_at, last_login, last_ip, logins_count)
SELECT tenant, subject, updated_at::timestamptz, last_login::timestamptz, last_ip, logins_count
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS r (tenant, subject, updated_at, last_login, last_ip, logins_count)
ON CONFLICT (tenant, subject) DO UPDATE SET
    updated_at = excluded.updated_at, last_login = excluded.last_login, last_ip = excluded.last_ip, logins_count = excluded.logins_count;

-- name: remove_leaves
-- Deletes the leaves that changed users no longer have.
DELETE FROM search_leaf AS l USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, subject, path, value)
WHERE l.tenant = gone.tenant AND l.path = gone.path AND l.value = gone.value AND l.subject = gone.subject;

-- name: write_leaves
-- Writes the leaves that changed users gained, and those that became or ceased to be the lowest or highest of their path.
INSERT INTO search_leaf (tenant, subject, path, value, lowest, highest)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bool[])
ON CONFLICT (tenant, path, value, subject) DO UPDATE SET lowest = excluded.lowest, highest = excluded.highest;

-- name: delete_search
-- Deletes the searchable rows of deleted users.
DELETE FROM search USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE search.tenant = gone.tenant AND search.subject = gone.subject;

-- name: delete_activity
-- Deletes the activity of deleted users.
DELETE FROM activity USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE activity.tenant = gone.tenant AND activity.subject = gone.subject;

-- name: delete_leaves
-- Deletes all leaves of deleted users.
DELETE FROM search_leaf USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE search_leaf.tenant = gone.tenant AND search_leaf.subject = gone.subject;
