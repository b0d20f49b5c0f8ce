-- name: users
-- Users by their ids, as they are answered.
SELECT p.user_id AS asked, p.revision, p.document
FROM unnest($2::text[]) AS asked (id)
JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.id;

-- name: users_by_subject
-- Users by subject, with what the fold remembers of their commands.
SELECT p.subject AS asked, p.revision, p.document, p.memory
FROM unnest($2::text[]) AS asked (subject)
JOIN views.profile AS p ON p.tenant = $1 AND p.subject = asked.subject;

-- name: holdings
-- What a user has that the document does not show.
SELECT holdings FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: subject_of
-- The subject of a user.
SELECT subject FROM views.profile WHERE tenant = $1 AND user_id = $2;

-- name: user_of_connection
-- Whom an address stands for in a connection: the root's is the first identity's.
SELECT user_id FROM views.search WHERE tenant = $1 AND connections[1] = $2 AND email_folded = $3 LIMIT 1;
