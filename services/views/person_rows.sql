-- name: read_rows
-- Returns the rows of a person in a table that begins its primary key with the person.
SELECT t.* FROM /*{table*/ session /*table}*/ AS t WHERE t.tenant = $1 AND t.subject = $2;

-- name: delete_rows
-- Deletes the rows of a person in such a table.
DELETE FROM /*{table*/ session /*table}*/ AS t WHERE t.tenant = $1 AND t.subject = $2;

-- name: read_memberships
-- Returns memberships of a person.
SELECT m.* FROM unnest($3::text[], $4::text[]) AS wanted (kind, target)
JOIN membership AS m ON m.tenant = $1 AND m.kind = wanted.kind AND m.target = wanted.target AND m.subject = $2;

-- name: delete_memberships
-- Deletes memberships of a person.
DELETE FROM membership AS m USING unnest($3::text[], $4::text[]) AS gone (kind, target)
WHERE m.tenant = $1 AND m.kind = gone.kind AND m.target = gone.target AND m.subject = $2;

-- name: read_entries
-- Returns log entries by their ids.
SELECT e.* FROM log_entry AS e WHERE e.tenant = $1 AND e.log_id = ANY ($2::text[]);

-- name: delete_entries
-- Deletes log entries by their ids.
DELETE FROM log_entry AS e WHERE e.tenant = $1 AND e.log_id = ANY ($2::text[]);

-- name: retention
-- Returns for how many days the tenant keeps log entries; null for ever.
SELECT log_retention_days FROM setting WHERE tenant = $1 AND kind = 'tenant' AND id = 'settings' AND NOT deleted;

-- name: some_tenant
-- Returns any tenant that has users.
SELECT tenant FROM population WHERE users > 0 ORDER BY random() LIMIT 1;

-- name: bounds
-- Returns the first and the last person of a tenant.
SELECT min(subject) AS first, max(subject) AS last FROM profile WHERE tenant = $1;

-- name: person_from
-- Returns the first person of a tenant from a subject on.
SELECT subject FROM profile WHERE tenant = $1 AND subject >= $2 ORDER BY subject LIMIT 1;
