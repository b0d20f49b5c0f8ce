-- name: failures_of_identifier
-- Returns the failed logins with an identifier, whoever's it is.
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND identifier = $2 AND (failures > 0 OR ips <> '{}');

-- name: failures_of_person
-- Returns the failed logins of a person, and those with the person's identifiers from before a person was known.
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND subject = $2
UNION ALL
SELECT subject, connection, identifier, failures, last_failed, ips FROM views.login_guard
WHERE tenant = $1 AND starts_with(subject, 'anon_') AND (failures > 0 OR ips <> '{}') AND identifier IN (
    SELECT unnest($3::text[]) UNION SELECT mine.identifier FROM views.login_guard AS mine WHERE mine.tenant = $1 AND mine.subject = $2
);

-- name: failures_from_address
-- Returns the failed logins from an IP address.
SELECT times, released_at FROM views.ip_guard WHERE tenant = $1 AND ip = $2;
