-- name: users_with_secrets
-- Returns users by user_id, with their sealed secrets and the keys that open them.
SELECT p.user_id AS asked, p.revision, p.document, p.subject, p.secrets, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id
LEFT JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = p.subject AND p.secrets IS NOT NULL;

-- name: users_to_edit
-- Returns users by user_id, with the keys that seal the events of their changes.
SELECT asked.id AS asked, p.subject, p.revision, p.document, p.holdings, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id
JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = p.subject;

-- name: users_by_email
-- Returns all users with exactly this address, on request with their sealed secrets and the keys that open them.
SELECT p.document, p.subject, CASE WHEN $3::boolean THEN p.secrets END AS secrets, k.version, k.profile, k.activity
FROM views.search AS s
JOIN views.profile AS p ON p.tenant = s.tenant AND p.subject = s.subject
LEFT JOIN ledger.subject_key AS k ON $3::boolean AND k.tenant = s.tenant AND k.owner = s.subject
WHERE s.tenant = $1 AND s.email = $2
ORDER BY s.subject;

-- name: whole_users
-- Returns users by subject or by user_id with all that the view has of them, and their keys.
SELECT p.subject, p.revision, p.document, p.memory, p.secrets, p.holdings, k.version, k.profile, k.activity
FROM views.profile AS p
JOIN ledger.subject_key AS k ON k.tenant = p.tenant AND k.owner = p.subject
WHERE p.tenant = $1 AND (p.subject = ANY ($2::text[]) OR p.user_id = ANY ($3::text[]));

-- name: read_owners
-- Returns the keys and the rows of the owners of a batch of events, and whether logins failed as them.
SELECT asked.tenant, asked.owner, k.version, k.profile AS profile_key, k.activity AS activity_key, p.revision, p.document, p.memory, p.secrets,
    p.holdings, g.guarded
FROM unnest($1::text[], $2::text[]) AS asked (tenant, owner)
LEFT JOIN ledger.subject_key AS k ON k.tenant = asked.tenant AND k.owner = asked.owner
LEFT JOIN profile AS p ON p.tenant = asked.tenant AND p.subject = asked.owner
LEFT JOIN LATERAL (SELECT true AS guarded FROM login_guard AS f WHERE f.tenant = asked.tenant AND f.subject = asked.owner LIMIT 1) AS g ON true;
