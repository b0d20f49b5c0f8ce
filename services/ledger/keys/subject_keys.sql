-- name: wrapping_keys
-- Every wrapping key, the oldest first.
SELECT id, wrapped FROM ledger.wrapping_key ORDER BY id;

-- name: add_wrapping_key
-- The first one of an installation, or the next at a rotation.
INSERT INTO ledger.wrapping_key (provider, wrapped) VALUES ($1, $2);

-- name: read_keys
-- The wrapped keys of some owners.
SELECT k.tenant, k.owner, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[]) AS asked (tenant, owner)
JOIN ledger.subject_key AS k USING (tenant, owner);

-- name: add_keys
-- Keys for owners that have none yet.
INSERT INTO ledger.subject_key (tenant, owner, profile, activity)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
ON CONFLICT DO NOTHING;
