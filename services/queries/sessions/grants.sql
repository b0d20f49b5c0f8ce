-- name: list_grants
-- Returns a page of grants, of one user, client or audience where they are given.
SELECT g.id, g.client_id, p.user_id, g.audience, g.scope, g.organization_id
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR g.client_id = $3)
    AND ($4::text IS NULL OR g.audience = $4)
ORDER BY g.id LIMIT $5 OFFSET $6;

-- name: count_grants
-- Returns how many grants `list_grants` goes through.
SELECT count(*)
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND ($2::text IS NULL OR p.user_id = $2) AND ($3::text IS NULL OR g.client_id = $3)
    AND ($4::text IS NULL OR g.audience = $4);

-- name: owner_of_grant
-- Returns the user of a grant.
SELECT p.user_id
FROM views.user_grant AS g
JOIN views.profile AS p ON p.tenant = g.tenant AND p.subject = g.subject
WHERE g.tenant = $1 AND g.id = $2;
