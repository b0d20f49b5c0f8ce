-- name: delete_linked
-- Deletes the linked identities of these people.
DELETE FROM linked_identity USING unnest($1::text[], $2::text[]) AS gone (tenant, subject)
WHERE linked_identity.tenant = gone.tenant AND linked_identity.subject = gone.subject;

-- name: write_linked
-- Writes the linked identities of these people.
INSERT INTO linked_identity (tenant, subject, provider, idp_id, connection, email_folded, username, phone_number)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]);
