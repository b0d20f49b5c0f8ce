-- name: read_attribute_profiles
-- The user attribute profiles that connections name, without deleted ones.
SELECT s.tenant, s.id, s.document
FROM unnest($1::text[], $2::text[]) AS asked (tenant, id)
JOIN views.attribute_profile AS s ON s.tenant = asked.tenant AND s.id = asked.id;
