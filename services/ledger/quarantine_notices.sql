-- name: begin
-- Adds the notices that a tenant does not have yet.
INSERT INTO ledger.quarantine_told (tenant, reason, minute, untold)
SELECT tenant, reason, -1, 0 FROM unnest($1::text[], $2::text[]) AS requested (tenant, reason)
ON CONFLICT DO NOTHING;

-- name: lock
-- Returns notices and locks them until the transaction ends.
SELECT q.tenant, q.reason, q.minute, q.untold
FROM unnest($1::text[], $2::text[]) AS requested (tenant, reason)
JOIN ledger.quarantine_told AS q USING (tenant, reason)
ORDER BY q.tenant, q.reason FOR UPDATE OF q;

-- name: update
-- Overwrites notices.
UPDATE ledger.quarantine_told AS q SET minute = now.minute, untold = now.untold
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS now (tenant, reason, minute, untold)
WHERE q.tenant = now.tenant AND q.reason = now.reason;
