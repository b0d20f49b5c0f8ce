-- name: read_quarantined
-- Returns the state of these tenants' quarantined logins.
SELECT tenant, memory FROM quarantined_login WHERE tenant = ANY ($1::text[]);

-- name: write_quarantined
-- Writes the changed states.
INSERT INTO quarantined_login (tenant, memory)
SELECT tenant, memory FROM unnest($1::text[], $2::text[]) AS r (tenant, memory)
ON CONFLICT (tenant) DO UPDATE SET memory = excluded.memory;
