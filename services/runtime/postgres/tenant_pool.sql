-- name: speak_for
-- From here on the connection sees one tenant's rows.
SELECT set_config('vita.tenant', $1, false);

-- name: alive
-- Whether the database answers.
SELECT 1;
