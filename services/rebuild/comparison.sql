-- name: columns
-- Returns the columns that a table has in both of two schemas.
SELECT a.attname::text AS name
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relname = $2
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
WHERE a.attnum > 0 AND NOT a.attisdropped
GROUP BY a.attname HAVING count(*) = 2
ORDER BY min(a.attnum), a.attname;

-- name: keys
-- Returns the columns of a table's primary key.
SELECT a.attname::text AS name
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid AND c.relname = $2
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE i.indisprimary;

-- name: checksums
-- Returns the number of rows of each part of a table, and a checksum that does not depend on their order.
SELECT /*{part*/ 0 /*part}*/ AS part, count(*) AS rows,
    sum(hashtextextended(ROW(/*{columns*/ t.tenant /*columns}*/)::text, 0)::numeric) AS checksum
FROM /*{table*/ views.profile /*table}*/ AS t
/*{expired*/ /*expired}*/
GROUP BY 1;

-- name: differences
-- Returns rows that differ between two tables, with the names of the columns that do.
SELECT coalesce(l.tenant, r.tenant) AS tenant, /*{subject*/ NULL::text /*subject}*/ AS subject,
    l.tenant IS NOT NULL AND r.tenant IS NOT NULL AS in_both,
    array_remove(ARRAY[/*{columns*/ NULL::text /*columns}*/], NULL) AS columns
FROM /*{left*/ views.profile /*left}*/ AS l
FULL JOIN /*{right*/ views.profile /*right}*/ AS r ON /*{same*/ l.tenant = r.tenant AND l.subject = r.subject /*same}*/
WHERE /*{differ*/ l.tenant IS NULL /*differ}*/
ORDER BY 1, 2
LIMIT /*{limit*/ 100 /*limit}*/;
