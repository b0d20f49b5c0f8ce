-- name: users_with_secrets
-- Returns users by user_id, with their sealed secrets and the keys that open them.
SELECT p.user_id AS lookup_key, p.revision, p.document, p.subject, p.secrets, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS requested (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = requested.id
LEFT JOIN ledger.subject_key AS k ON k.tenant = $1 AND k.owner = p.subject AND p.secrets IS NOT NULL;

-- name: users_to_edit
-- Returns users by user_id, with the keys that seal the events of their changes.
SELECT requested.id AS lookup_key, p.subject, p.revision, p.document, p.associations, k.version, k.profile, k.activity
FROM unnest($2::text[]) AS requested (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = requested.id
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
SELECT p.subject, p.revision, p.document, p.memory, p.secrets, p.associations, k.version, k.profile, k.activity
FROM views.profile AS p
JOIN ledger.subject_key AS k ON k.tenant = p.tenant AND k.owner = p.subject
WHERE p.tenant = $1 AND (p.subject = ANY ($2::text[]) OR p.user_id = ANY ($3::text[]));

-- name: read_owners
-- Returns the keys and the rows of the owners of a batch of events, and whether logins failed as them.
SELECT requested.tenant, requested.owner, k.version, k.profile AS profile_key, k.activity AS activity_key, p.revision, p.document, p.memory, p.secrets,
    p.associations, g.guarded
FROM unnest($1::text[], $2::text[]) AS requested (tenant, owner)
LEFT JOIN ledger.subject_key AS k ON k.tenant = requested.tenant AND k.owner = requested.owner
LEFT JOIN profile AS p ON p.tenant = requested.tenant AND p.subject = requested.owner
LEFT JOIN LATERAL (SELECT true AS guarded FROM login_guard AS f WHERE f.tenant = requested.tenant AND f.subject = requested.owner LIMIT 1) AS g ON true;
