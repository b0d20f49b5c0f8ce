-- name: write_memberships
-- Writes new memberships.
INSERT INTO membership (tenant, kind, target, subject, since)
SELECT tenant, kind, target, subject, since::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r (tenant, kind, target, subject, since)
ON CONFLICT (tenant, kind, target, subject) DO UPDATE SET since = excluded.since;

-- name: delete_memberships
-- Deletes memberships that have ended.
DELETE FROM membership AS m USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, kind, target, subject)
WHERE m.tenant = gone.tenant AND m.kind = gone.kind AND m.target = gone.target AND m.subject = gone.subject;
