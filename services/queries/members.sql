-- name: list_members
-- Returns a page of the members of a role or organization, oldest membership first, after a position and from an offset.
SELECT m.since, m.subject, p.document
FROM views.membership AS m
JOIN views.profile AS p ON p.tenant = m.tenant AND p.subject = m.subject
WHERE m.tenant = $1 AND m.kind = $2 AND m.target = $3 AND (m.since, m.subject) > ($4::text::timestamptz, $5)
ORDER BY m.since, m.subject LIMIT $6 OFFSET $7;

-- name: count_members
-- Returns how many members a role or organization has.
SELECT count(*) FROM views.membership WHERE tenant = $1 AND kind = $2 AND target = $3;
