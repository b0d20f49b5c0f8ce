-- name: resolve
-- Returns the subjects of identities, with their keys and the connection that first brought each identity.
SELECT d.tenant, d.provider, d.idp_id, d.subject, d.connection, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[], $3::text[]) AS requested (tenant, provider, idp_id)
JOIN ledger.directory AS d USING (tenant, provider, idp_id)
JOIN ledger.subject_key AS k ON k.tenant = d.tenant AND k.owner = d.subject;

-- name: register_missing
-- Adds identities of all tenants that are not in the directory, with their subjects and keys. Of two processes that add an
-- identity at once, one wins.
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])
        AS given (tenant, provider, idp_id, subject, profile, activity, connection)
), added AS (
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject, connection)
    SELECT tenant, provider, idp_id, subject, connection FROM given
    ON CONFLICT DO NOTHING
    RETURNING tenant, subject
)
INSERT INTO ledger.subject_key (tenant, owner, profile, activity)
SELECT given.tenant, given.subject, given.profile, given.activity FROM given JOIN added USING (tenant, subject);

-- name: resolve_sign_in_names
-- Returns users of connections by the identifiers they sign in with, with their keys.
SELECT DISTINCT ON (requested.tenant, requested.connection, requested.identifier)
    requested.tenant, requested.connection, requested.identifier, s.subject, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[], $3::text[]) AS requested (tenant, connection, identifier)
JOIN (
    SELECT tenant, subject, connections, email_folded, username, phone_number FROM views.login_name
    UNION ALL SELECT tenant, subject, ARRAY[connection], email_folded, username, phone_number FROM views.linked_identity
) AS s ON s.tenant = requested.tenant AND requested.connection = ANY (s.connections) AND (
    s.email_folded = requested.identifier OR s.username = requested.identifier OR s.phone_number = requested.identifier
)
JOIN ledger.subject_key AS k ON k.tenant = s.tenant AND k.owner = s.subject
ORDER BY requested.tenant, requested.connection, requested.identifier, s.subject;

-- name: login_checks
-- Returns what is known of people who want to sign in; the first row has the settings of the tenant.
SELECT
    CASE WHEN requested.number = 1 THEN (SELECT json_object_agg(p.id, p.document) FROM views.protection AS p WHERE p.tenant = $1) END AS settings,
    coalesce(
        (SELECT s.blocked FROM ledger.directory AS d JOIN views.admission AS s ON s.tenant = d.tenant AND s.subject = d.subject
            WHERE d.tenant = $1 AND d.provider = requested.provider AND d.idp_id = requested.idp_id), false
    ) OR coalesce(
        (SELECT bool_or(s.blocked) FROM views.linked_identity AS l JOIN views.admission AS s ON s.tenant = l.tenant AND s.subject = l.subject
            WHERE l.tenant = $1 AND (requested.connection IS NULL OR requested.connection = l.connection) AND (
                (l.provider = requested.provider AND l.idp_id = requested.idp_id)
                OR l.email_folded = requested.identifier OR l.username = requested.identifier OR l.phone_number = requested.identifier
            )), false
    ) OR coalesce(
        (SELECT bool_or(found.blocked) FROM (
            SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.email_folded = requested.identifier
            UNION ALL SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.username = requested.identifier
            UNION ALL SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.phone_number = requested.identifier
        ) AS found WHERE requested.connection IS NULL OR requested.connection = ANY (found.connections)), false
    ) AS blocked,
    (SELECT json_agg(json_build_array(g.connection, g.identifier, g.failures, g.last_failed, g.ips -> requested.ip)) FROM (
        SELECT * FROM views.login_guard AS typed WHERE typed.tenant = $1 AND typed.identifier = requested.identifier
        UNION ALL
        SELECT theirs.* FROM ledger.directory AS d JOIN views.login_guard AS theirs ON theirs.tenant = d.tenant AND theirs.subject = d.subject
            WHERE requested.identifier IS NULL AND d.tenant = $1 AND d.provider = requested.provider AND d.idp_id = requested.idp_id
        UNION ALL
        SELECT theirs.* FROM views.linked_identity AS l JOIN views.login_guard AS theirs ON theirs.tenant = l.tenant AND theirs.subject = l.subject
            WHERE requested.identifier IS NULL AND l.tenant = $1 AND l.provider = requested.provider AND l.idp_id = requested.idp_id
    ) AS g WHERE requested.connection IS NULL OR g.connection = requested.connection) AS failures,
    (SELECT json_agg(json_build_array(i.times, i.released_at)) FROM views.ip_guard AS i WHERE i.tenant = $1 AND i.ip = requested.ip) AS addresses
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS requested (connection, identifier, provider, idp_id, ip, number)
ORDER BY requested.number;

-- name: register
-- Adds an identity with its subject and keys; no row if the identity has a subject already.
WITH added AS (
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject, connection) VALUES ($1, $2, $3, $4, $7)
    ON CONFLICT DO NOTHING
    RETURNING subject
), locked AS (
    INSERT INTO ledger.subject_key (tenant, owner, profile, activity) SELECT $1, subject, $5, $6 FROM added
)
SELECT subject FROM added;

-- name: register_and_reserve
-- Adds identities with their subjects and keys and reserves values for them, all or nothing (VT002): does what `register`
-- and the statements of a reservation do for each.
WITH added AS (
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject, connection)
    SELECT $1, requested.provider, requested.idp_id, requested.subject, requested.connection
    FROM unnest($2::text[], $3::text[], $4::text[], $12::text[]) AS requested (provider, idp_id, subject, connection)
    ON CONFLICT DO NOTHING
    RETURNING subject
), locked AS (
    INSERT INTO ledger.subject_key (tenant, owner, profile, activity)
    SELECT $1, requested.subject, requested.profile, requested.activity
    FROM unnest($4::text[], $5::bytea[], $6::bytea[]) AS requested (subject, profile, activity)
    WHERE EXISTS (SELECT FROM added)
), claimed AS (
    INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)
    SELECT $1, requested.connection, requested.kind, requested.value, requested.subject, requested.event_id
    FROM unnest($7::text[], $8::text[], $9::text[], $10::uuid[], $11::text[]) AS requested (connection, kind, value, event_id, subject)
    ON CONFLICT DO NOTHING
    RETURNING kind
)
SELECT ledger.require(
    (SELECT count(*) FROM added) = cardinality($4::text[]) AND (SELECT count(*) FROM claimed) = cardinality($9::text[])
    AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS requested (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.email_folded = requested.value AND s.connections[1] = requested.connection
        WHERE requested.kind = 'email'
    ) AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS requested (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.username = requested.value AND s.connections[1] = requested.connection
        WHERE requested.kind = 'username'
    ) AND NOT EXISTS (
        SELECT FROM unnest($7::text[], $8::text[], $9::text[]) AS requested (connection, kind, value)
        JOIN views.search AS s ON s.tenant = $1 AND s.phone_number = requested.value AND s.connections[1] = requested.connection
        WHERE requested.kind = 'phone_number'
    )
);

-- name: find_registered
-- Returns the subject of an identity, the connection it belongs to, whether it has a profile, its associations and its keys.
SELECT d.subject, d.connection, p.document IS NOT NULL AS lives, p.associations, k.version, k.profile, k.activity
FROM ledger.directory AS d
JOIN ledger.subject_key AS k ON k.tenant = d.tenant AND k.owner = d.subject
LEFT JOIN views.profile AS p ON p.tenant = d.tenant AND p.subject = d.subject
WHERE d.tenant = $1 AND d.provider = $2 AND d.idp_id = $3;

-- name: associations_of_identities
-- Returns the associations of the own subjects of some identities of a provider.
SELECT p.associations
FROM ledger.directory AS d
JOIN views.profile AS p ON p.tenant = d.tenant AND p.subject = d.subject
WHERE d.tenant = $1 AND d.provider = $2 AND d.idp_id = ANY ($3::text[]);

-- name: subject_of_identity
-- Returns the subject of an identity, also of one whose user was deleted.
SELECT subject FROM ledger.directory WHERE tenant = $1 AND provider = $2 AND idp_id = $3;
