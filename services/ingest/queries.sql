-- name: read_connections
-- The tenant of a token and the connections that a request names; an existing connection wins over a deleted one of the same name.
SELECT DISTINCT ON (requested.name)
    requested.name, t.name IS NOT NULL AS tenant_known, coalesce(t.strict_connections, false) AS strict, c.strategy,
    coalesce(c.maps_identity, false) AS maps_identity, coalesce(c.deleted, false) AS deleted
FROM unnest($2::text[]) AS requested (name)
LEFT JOIN ledger.tenant AS t ON t.name = $1
LEFT JOIN views.connection_name AS c ON c.tenant = $1 AND c.name = requested.name
ORDER BY requested.name, c.deleted NULLS LAST;

-- name: login_checks
-- What is known of those who want in; the tenant's settings stand in the first row.
SELECT
    CASE WHEN asked.number = 1 THEN (SELECT json_object_agg(p.id, p.document) FROM views.protection AS p WHERE p.tenant = $1) END AS settings,
    coalesce(
        (SELECT s.blocked FROM ledger.directory AS d JOIN views.admission AS s ON s.tenant = d.tenant AND s.subject = d.subject
            WHERE d.tenant = $1 AND d.provider = asked.provider AND d.idp_id = asked.idp_id), false
    ) OR coalesce(
        (SELECT bool_or(s.blocked) FROM views.linked_identity AS l JOIN views.admission AS s ON s.tenant = l.tenant AND s.subject = l.subject
            WHERE l.tenant = $1 AND (asked.connection IS NULL OR asked.connection = l.connection) AND (
                (l.provider = asked.provider AND l.idp_id = asked.idp_id)
                OR l.email_folded = asked.identifier OR l.username = asked.identifier OR l.phone_number = asked.identifier
            )), false
    ) OR coalesce(
        (SELECT bool_or(found.blocked) FROM (
            SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.email_folded = asked.identifier
            UNION ALL SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.username = asked.identifier
            UNION ALL SELECT s.blocked, s.connections FROM views.admission AS s WHERE s.tenant = $1 AND s.phone_number = asked.identifier
        ) AS found WHERE asked.connection IS NULL OR asked.connection = ANY (found.connections)), false
    ) AS blocked,
    (SELECT json_agg(json_build_array(g.connection, g.identifier, g.failures, g.last_failed, g.ips -> asked.ip)) FROM (
        SELECT * FROM views.login_guard AS typed WHERE typed.tenant = $1 AND typed.identifier = asked.identifier
        UNION ALL
        SELECT theirs.* FROM ledger.directory AS d JOIN views.login_guard AS theirs ON theirs.tenant = d.tenant AND theirs.subject = d.subject
            WHERE asked.identifier IS NULL AND d.tenant = $1 AND d.provider = asked.provider AND d.idp_id = asked.idp_id
        UNION ALL
        SELECT theirs.* FROM views.linked_identity AS l JOIN views.login_guard AS theirs ON theirs.tenant = l.tenant AND theirs.subject = l.subject
            WHERE asked.identifier IS NULL AND l.tenant = $1 AND l.provider = asked.provider AND l.idp_id = asked.idp_id
    ) AS g WHERE asked.connection IS NULL OR g.connection = asked.connection) AS failures,
    (SELECT json_agg(json_build_array(i.times, i.released_at)) FROM views.ip_guard AS i WHERE i.tenant = $1 AND i.ip = asked.ip) AS addresses
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS asked (connection, identifier, provider, idp_id, ip, number)
ORDER BY asked.number;
