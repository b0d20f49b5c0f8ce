-- name: granted
-- The rights of roles other than the owners on Vita's schemas and their contents; `public` stands for all roles.
WITH places AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
    WHERE nspname IN ('ledger', 'trail', 'views') OR nspname ~ '^view_[0-9]+$'
), found AS (
    SELECT 'SCHEMA' AS kind, p.nspname AS schema, '' AS object, '' AS field, p.nspowner AS owner, acl.grantee, acl.privilege_type
    FROM places AS p, aclexplode(p.nspacl) AS acl
    UNION ALL
    SELECT 'TABLE', p.nspname, c.relname, '', c.relowner, acl.grantee, acl.privilege_type
    FROM places AS p JOIN pg_class AS c ON c.relnamespace = p.oid, aclexplode(c.relacl) AS acl
    UNION ALL
    SELECT 'TABLE', p.nspname, c.relname, a.attname, c.relowner, acl.grantee, acl.privilege_type
    FROM places AS p JOIN pg_class AS c ON c.relnamespace = p.oid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped, aclexplode(a.attacl) AS acl
    UNION ALL
    SELECT 'FUNCTION', p.nspname, f.proname, '', f.proowner, acl.grantee, acl.privilege_type
    FROM places AS p JOIN pg_proc AS f ON f.pronamespace = p.oid,
        aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) AS acl
)
SELECT found.kind, found.schema, found.object, found.field, coalesce(r.rolname, 'public') AS grantee, found.privilege_type AS verb
FROM found LEFT JOIN pg_roles AS r ON r.oid = found.grantee
WHERE found.grantee <> found.owner;

-- name: tables
-- All tables and views in Vita's schemas.
SELECT n.nspname AS schema, c.relname AS name, c.relrowsecurity AS secured
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND (n.nspname IN ('ledger', 'trail', 'views') OR n.nspname ~ '^view_[0-9]+$');

-- name: policies
-- The roles that see the rows of all tenants.
SELECT schemaname AS schema, tablename AS name, roles::text[] AS roles FROM pg_policies WHERE policyname = 'every_tenant';
