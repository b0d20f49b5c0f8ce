-- name: indexes
-- Returns the indexes of a schema that a replay goes without, with the statements that drop and make them: all but the primary keys of
-- tables that are not copied into.
SELECT i.relname AS name,
    CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.oid)
    ELSE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, t.relname, c.conname, pg_get_constraintdef(c.oid)) END AS statement,
    CASE WHEN c.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, i.relname)
    ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, t.relname, c.conname) END AS removal
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
LEFT JOIN pg_constraint AS c ON c.conindid = i.oid
WHERE n.nspname = $1 AND (t.relname = ANY ($2::text[]) OR NOT x.indisprimary)
ORDER BY i.relname;
