-- name: wrapping_keys
-- Returns all wrapping keys, the oldest first.
SELECT id, wrapped FROM ledger.wrapping_key ORDER BY id;

-- name: add_wrapping_key
-- Adds the first wrapping key of an installation, or the next one at a rotation.
INSERT INTO ledger.wrapping_key (provider, wrapped) VALUES ($1, $2);

-- name: read_keys
-- Returns the wrapped keys of some owners.
SELECT k.tenant, k.owner, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[]) AS requested (tenant, owner)
JOIN ledger.subject_key AS k USING (tenant, owner);

-- name: add_keys
-- Adds keys for owners that have none.
INSERT INTO ledger.subject_key (tenant, owner, profile, activity)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
ON CONFLICT DO NOTHING;
