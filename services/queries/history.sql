-- name: find_subject
-- Returns the subject of a user for a role that sees nothing else of users.
SELECT subject FROM views.person WHERE tenant = $1 AND user_id = $2;

-- name: record_positions
-- Returns where the records of a subject lie on the log, in the order of the log.
SELECT partition, log_offset FROM trail.leaf WHERE tenant = $1 AND subject = $2 ORDER BY partition, leaf_index;
