-- name: public_keys
-- Returns the keys of a tenant (of the installation if NULL) whose signatures count now.
SELECT kid, public_jwk FROM ledger.signing_key
WHERE tenant IS NOT DISTINCT FROM $1 AND (retired_at IS NULL OR retired_at > now());

-- name: current_key
-- Returns the key that signs now for a tenant (for the installation if NULL).
SELECT kid, private_wrapped FROM ledger.signing_key
WHERE tenant IS NOT DISTINCT FROM $1 AND signs_from <= now() AND (retired_at IS NULL OR retired_at > now())
ORDER BY signs_from DESC, kid LIMIT 1;

-- name: lock_signing_keys
-- Locks the signing keys until the transaction ends, so that one process at a time makes a key.
SELECT pg_advisory_xact_lock(hashtext('ledger.signing_key'));

-- name: retire_keys
-- Limits the validity of signatures by the keys of a tenant to a time, unless an earlier limit is set already.
UPDATE ledger.signing_key SET retired_at = least(retired_at, $2) WHERE tenant IS NOT DISTINCT FROM $1;

-- name: add_key
-- Adds a key, which is published now and signs from a stated time on.
INSERT INTO ledger.signing_key (kid, public_jwk, private_wrapped, tenant, created_at, signs_from) VALUES ($1, $2, $3, $4, $5, $6);

-- name: list_keys
-- Returns all keys, those of the installation first, the newest first, each with its state at this moment.
SELECT kid, tenant, created_at, signs_from, retired_at, CASE
    WHEN retired_at <= now() THEN 'retired'
    WHEN signs_from > now() THEN 'published'
    WHEN signs_from = max(signs_from) FILTER (WHERE signs_from <= now()) OVER (PARTITION BY tenant) THEN 'signs'
    ELSE 'verifies'
END AS state
FROM ledger.signing_key ORDER BY tenant NULLS FIRST, created_at DESC;
