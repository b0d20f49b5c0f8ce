-- name: users_by_id
-- Returns users by user_id.
SELECT p.user_id AS lookup_key, p.revision, p.document
FROM unnest($2::text[]) AS requested (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = requested.id;

-- name: users_by_subject
-- Returns users by subject, with the fold's memory of their commands.
SELECT p.subject AS lookup_key, p.revision, p.document, p.memory
FROM unnest($2::text[]) AS requested (subject)
JOIN views.profile AS p ON p.tenant = $1 AND p.subject = requested.subject;

-- name: find_associations
-- Returns what a user has that the document does not show.
SELECT associations FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: find_subject
-- Returns the subject of a user.
SELECT subject FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: find_user_id_by_email
-- Returns the user whose first identity is of a connection and who has an address.
SELECT user_id FROM views.search WHERE tenant = $1 AND connections[1] = $2 AND email_folded = $3 LIMIT 1;
