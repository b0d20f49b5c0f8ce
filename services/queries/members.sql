-- name: members
-- A page of those who have a role or belong to an organization, the longest first: after a place, or from an offset.
SELECT m.since, m.subject, p.document
FROM views.membership AS m
JOIN views.profile AS p ON p.tenant = m.tenant AND p.subject = m.subject
WHERE m.tenant = $1 AND m.kind = $2 AND m.target = $3 AND (m.since, m.subject) > ($4::text::timestamptz, $5)
ORDER BY m.since, m.subject LIMIT $6 OFFSET $7;

-- name: count_members
-- How many there are.
SELECT count(*) FROM views.membership WHERE tenant = $1 AND kind = $2 AND target = $3;
