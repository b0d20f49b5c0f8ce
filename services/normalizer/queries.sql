-- name: read_connections
-- The tenants and connections a batch names, with the default picture that the tenant chose; a living connection wins over a deleted one of the same name.
SELECT DISTINCT ON (asked.tenant, asked.name)
    asked.tenant, asked.name, t.name IS NOT NULL AS tenant_known, t.strict_connections, c.id, c.strategy, c.document, c.deleted,
    p.default_picture
FROM unnest($1::text[], $2::text[]) AS asked (tenant, name)
LEFT JOIN ledger.tenant AS t ON t.name = asked.tenant
LEFT JOIN views.connection_mapping AS c ON c.tenant = asked.tenant AND c.name = asked.name
LEFT JOIN views.default_picture AS p ON p.tenant = asked.tenant
ORDER BY asked.tenant, asked.name, c.deleted NULLS LAST;

-- name: read_attribute_profiles
-- The living user attribute profiles that connections name.
SELECT s.tenant, s.id, s.document
FROM unnest($1::text[], $2::text[]) AS asked (tenant, id)
JOIN views.attribute_profile AS s ON s.tenant = asked.tenant AND s.id = asked.id;

-- name: resolve
-- Identities to subjects, with the subjects' keys and the connection that first brought each.
SELECT d.tenant, d.provider, d.idp_id, d.subject, d.connection, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant, provider, idp_id)
JOIN ledger.directory AS d USING (tenant, provider, idp_id)
JOIN ledger.subject_key AS k ON k.tenant = d.tenant AND k.owner = d.subject;

-- name: register
-- New identities with their new subjects and keys; of two at once one wins.
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

-- name: named
-- People of a connection by what they type to sign in, with their keys.
SELECT DISTINCT ON (asked.tenant, asked.connection, asked.identifier)
    asked.tenant, asked.connection, asked.identifier, s.subject, k.version, k.profile, k.activity
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant, connection, identifier)
JOIN (
    SELECT tenant, subject, connections, email_folded, username, phone_number FROM views.login_name
    UNION ALL SELECT tenant, subject, ARRAY[connection], email_folded, username, phone_number FROM views.linked_identity
) AS s ON s.tenant = asked.tenant AND asked.connection = ANY (s.connections) AND (
    s.email_folded = asked.identifier OR s.username = asked.identifier OR s.phone_number = asked.identifier
)
JOIN ledger.subject_key AS k ON k.tenant = s.tenant AND k.owner = s.subject
ORDER BY asked.tenant, asked.connection, asked.identifier, s.subject;

-- name: topic_epoch
-- Which life of the topic this is.
SELECT epoch FROM ledger.topic_epoch WHERE topic = $1;

-- name: gateway_keys
-- The keys of all gateways whose signatures may still count on a record that the topic retains.
SELECT gateway, tenant, secret, ends_at FROM ledger.gateway_key
WHERE ends_at IS NULL OR ends_at > clock_timestamp() - interval '8 days';

-- name: begin_telling
-- Reasons of which a tenant has not been told before.
INSERT INTO ledger.quarantine_told (tenant, reason, minute, untold)
SELECT tenant, reason, -1, 0 FROM unnest($1::text[], $2::text[]) AS asked (tenant, reason)
ON CONFLICT DO NOTHING;

-- name: told
-- What tenants were told of quarantined logins; whoever else quarantines some waits.
SELECT q.tenant, q.reason, q.minute, q.untold
FROM unnest($1::text[], $2::text[]) AS asked (tenant, reason)
JOIN ledger.quarantine_told AS q USING (tenant, reason)
ORDER BY q.tenant, q.reason FOR UPDATE OF q;

-- name: tell
-- What tenants have been told now.
UPDATE ledger.quarantine_told AS q SET minute = now.minute, untold = now.untold
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS now (tenant, reason, minute, untold)
WHERE q.tenant = now.tenant AND q.reason = now.reason;

-- name: noted
-- Letters of a batch that were noted when it was taken before, with how many others each tells of.
SELECT d.partition, d.log_offset, d.earlier
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (topic, partition, log_offset)
JOIN ledger.dead_letter AS d USING (topic, partition, log_offset);
