-- name: speak_for
-- Limits the connection to the rows of one tenant.
SELECT set_config('vita.tenant', $1, false);

-- name: alive
-- Checks that the database responds.
SELECT 1;
