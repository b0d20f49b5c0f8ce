-- name: write_people
-- Writes the changed profiles.
INSERT INTO profile AS p (tenant, subject, user_id, revision, document, memory, secrets, associations)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::text[])
ON CONFLICT (tenant, subject) DO UPDATE SET
    user_id = excluded.user_id, revision = excluded.revision, document = excluded.document,
    memory = excluded.memory, secrets = excluded.secrets, associations = excluded.associations;
