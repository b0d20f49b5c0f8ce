-- name: public_keys
-- The keys whose signatures count now.
SELECT kid, public_jwk FROM ledger.signing_key WHERE retired_at IS NULL OR retired_at > now();

-- name: current_key
-- The newest key that signs.
SELECT kid, private_wrapped FROM ledger.signing_key WHERE retired_at IS NULL ORDER BY created_at DESC, kid LIMIT 1;

-- name: lock_signing_keys
-- One process at a time makes a key; released with the transaction.
SELECT pg_advisory_xact_lock(hashtext('ledger.signing_key'));

-- name: add_key
-- A new key; it signs from now on.
INSERT INTO ledger.signing_key (kid, public_jwk, private_wrapped, created_at) VALUES ($1, $2, $3, $4);
