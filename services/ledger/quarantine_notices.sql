-- name: begin
-- Adds the notices that a tenant does not have yet.
INSERT INTO ledger.quarantine_reported (tenant, reason, minute, unreported)
SELECT tenant, reason, -1, 0 FROM unnest($1::text[], $2::text[]) AS requested (tenant, reason)
ON CONFLICT DO NOTHING;

-- name: lock
-- Returns notices and locks them until the transaction ends.
SELECT q.tenant, q.reason, q.minute, q.unreported
FROM unnest($1::text[], $2::text[]) AS requested (tenant, reason)
JOIN ledger.quarantine_reported AS q USING (tenant, reason)
ORDER BY q.tenant, q.reason FOR UPDATE OF q;

-- name: update
-- Overwrites notices.
UPDATE ledger.quarantine_reported AS q SET minute = now.minute, unreported = now.unreported
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS now (tenant, reason, minute, unreported)
WHERE q.tenant = now.tenant AND q.reason = now.reason;
