-- name: read_people
-- The rows and keys of the people a batch touches, and whether logins failed as them.
SELECT asked.tenant, asked.owner, k.version, k.profile AS profile_key, k.activity AS activity_key, p.revision, p.document, p.memory, p.secrets,
    p.holdings, g.guarded
FROM unnest($1::text[], $2::text[]) AS asked (tenant, owner)
LEFT JOIN ledger.subject_key AS k ON k.tenant = asked.tenant AND k.owner = asked.owner
LEFT JOIN profile AS p ON p.tenant = asked.tenant AND p.subject = asked.owner
LEFT JOIN LATERAL (SELECT true AS guarded FROM login_guard AS f WHERE f.tenant = asked.tenant AND f.subject = asked.owner LIMIT 1) AS g ON true;

-- name: write_people
-- Puts the folded people back.
INSERT INTO profile AS p (tenant, subject, user_id, revision, document, memory, secrets, holdings)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::text[])
ON CONFLICT (tenant, subject) DO UPDATE SET
    user_id = excluded.user_id, revision = excluded.revision, document = excluded.document,
    memory = excluded.memory, secrets = excluded.secrets, holdings = excluded.holdings;
