-- name: read_current
-- Returns the secrets of all gateways whose signatures may still count on a record that the topic retains.
SELECT gateway, tenant, secret, ends_at FROM ledger.gateway_key
WHERE ends_at IS NULL OR ends_at > clock_timestamp() - interval '8 days';

-- name: add
-- Adds the next secret of a gateway.
INSERT INTO ledger.gateway_key (gateway, number, tenant, name, secret)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4 FROM ledger.gateway_key WHERE gateway = $1;

-- name: end
-- Sets the valid secrets of a gateway to end after an interval; returns the name of the gateway, no row if it has
-- none.
UPDATE ledger.gateway_key SET ends_at = least(ends_at, clock_timestamp() + $3::interval)
WHERE tenant = $1 AND gateway = $2 AND (ends_at IS NULL OR ends_at > clock_timestamp())
RETURNING name;

-- name: list
-- Returns gateways and the numbers of their secrets, by tenant and age.
SELECT tenant, gateway, name, number, created_at, ends_at FROM ledger.gateway_key
WHERE $1::text IS NULL OR tenant = $1
ORDER BY tenant, min(created_at) OVER (PARTITION BY gateway), gateway, number;
