-- name: read_quarantined
-- What is remembered of the quarantined logins of these tenants.
SELECT tenant, memory FROM quarantined_login WHERE tenant = ANY ($1::text[]);

-- name: write_quarantined
-- Puts what changed in place.
INSERT INTO quarantined_login (tenant, memory)
SELECT tenant, memory FROM unnest($1::text[], $2::text[]) AS r (tenant, memory)
ON CONFLICT (tenant) DO UPDATE SET memory = excluded.memory;
