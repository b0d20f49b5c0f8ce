-- name: newest_appends
-- Returns the newest append of each of these partitions; a partition without leaves has no row.
SELECT wanted.partition, newest.size_after, newest.next_offset, newest.frontier
FROM unnest($1::integer[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT size_after, next_offset, frontier FROM trail.append
    WHERE append.partition = wanted.partition
    ORDER BY size_before DESC LIMIT 1
) AS newest;

-- name: insert_appends
-- Advances the position of each partition unless another auditor has advanced it.
INSERT INTO trail.append (partition, size_before, size_after, next_offset, frontier)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]);

-- name: insert_leaves
-- Adds a batch of leaves.
INSERT INTO trail.leaf (partition, leaf_index, log_offset, hash, tenant, subject, type, time)
SELECT * FROM unnest(
    $1::integer[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]
);

-- name: insert_nodes
-- Adds the tile roots that a batch completed.
INSERT INTO trail.node (partition, level, index, hash)
SELECT * FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bytea[]);

-- name: newest_appends_everywhere
-- Returns the newest append of every partition, with one index look-up per partition.
WITH RECURSIVE grown AS (
    (SELECT partition FROM trail.append ORDER BY partition LIMIT 1)
    UNION ALL
    SELECT (SELECT append.partition FROM trail.append WHERE append.partition > grown.partition ORDER BY 1 LIMIT 1)
    FROM grown WHERE grown.partition IS NOT NULL
)
SELECT newest.partition, newest.size_after, newest.next_offset, newest.frontier
FROM grown
CROSS JOIN LATERAL (
    SELECT * FROM trail.append WHERE append.partition = grown.partition ORDER BY size_before DESC LIMIT 1
) AS newest
ORDER BY newest.partition;

-- name: newest_checkpoint
-- Returns the last checkpoint, if there is one.
SELECT id, body FROM trail.checkpoint ORDER BY id DESC LIMIT 1;

-- name: insert_checkpoint
-- Adds the next checkpoint unless another auditor has added one with its number.
INSERT INTO trail.checkpoint (id, time, body, signature, key_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: leaf_hashes
-- Returns the leaf hashes of a partition, span by span.
SELECT leaf.leaf_index, leaf.hash
FROM unnest($2::bigint[], $3::bigint[]) AS wanted (first, past)
JOIN trail.leaf_hash AS leaf
    ON leaf.partition = $1 AND leaf.leaf_index >= wanted.first AND leaf.leaf_index < wanted.past;

-- name: node_hashes
-- Returns the tile roots of a partition, span by span.
SELECT node.level, node.index, node.hash
FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS wanted (level, first, past)
JOIN trail.node
    ON node.partition = $1 AND node.level = wanted.level AND node.index >= wanted.first AND node.index < wanted.past;
