-- name: extent
-- Returns the extent of a partition's rows, in one snapshot: its last leaf and its newest append.
SELECT
    (SELECT leaf_index FROM trail.leaf WHERE partition = $1 ORDER BY leaf_index LIMIT 1) AS first_leaf,
    leaf.leaf_index AS last_leaf, leaf.log_offset AS last_offset,
    append.size_after, append.next_offset
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT leaf_index, log_offset FROM trail.leaf WHERE partition = $1 ORDER BY leaf_index DESC LIMIT 1
) AS leaf ON true
LEFT JOIN LATERAL (
    SELECT size_after, next_offset FROM trail.append WHERE partition = $1 ORDER BY size_before DESC LIMIT 1
) AS append ON true;

-- name: leaves
-- Returns the leaves [$2, $3) of a partition.
SELECT leaf_index, log_offset, hash, tenant, subject, type, time FROM trail.leaf
WHERE partition = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index;

-- name: appends
-- Returns the appends of a partition that began at the sizes [$2, $3).
SELECT size_before, size_after, next_offset, frontier FROM trail.append
WHERE partition = $1 AND size_before >= $2 AND size_before < $3 ORDER BY size_before;

-- name: stray_node
-- Returns a tile root that a partition's tree does not have.
SELECT node.level, node.index
FROM trail.node
CROSS JOIN (
    SELECT coalesce((SELECT size_after FROM trail.append WHERE partition = $1 ORDER BY size_before DESC LIMIT 1), 0) AS leaves
) AS tree
WHERE node.partition = $1
    AND (level % 8 <> 0 OR level NOT BETWEEN 8 AND 56 OR index < 0 OR index >= tree.leaves >> level)
LIMIT 1;

-- name: stray_partition
-- Returns a row of a partition that the topic of $1 partitions does not have.
(SELECT 'trail.leaf' AS "table", partition FROM trail.leaf WHERE partition < 0 OR partition >= $1 LIMIT 1)
UNION ALL
(SELECT 'trail.append', partition FROM trail.append WHERE partition < 0 OR partition >= $1 LIMIT 1)
UNION ALL
(SELECT 'trail.node', partition FROM trail.node WHERE partition < 0 OR partition >= $1 LIMIT 1)
LIMIT 1;

-- name: covering_append
-- Returns the append that added a leaf, with the tree that it extended.
SELECT covering.size_before, covering.size_after, covering.frontier, before.frontier AS frontier_before
FROM (
    SELECT * FROM trail.append WHERE partition = $1 AND size_before <= $2 ORDER BY size_before DESC LIMIT 1
) AS covering
LEFT JOIN LATERAL (
    SELECT frontier FROM trail.append
    WHERE partition = $1 AND size_before < covering.size_before ORDER BY size_before DESC LIMIT 1
) AS before ON true;

-- name: newest_checkpoint_id
-- Returns the number of the last checkpoint; 0 if there is none.
SELECT coalesce(max(id), 0) FROM trail.checkpoint;

-- name: checkpoints
-- Returns the next 500 checkpoints after $1, none after $2.
SELECT id, time, body, signature, key_id FROM trail.checkpoint WHERE id > $1 AND id <= $2 ORDER BY id LIMIT 500;

-- name: frontiers
-- Returns the trees at these sizes; the frontier is NULL if no append ended at the size.
SELECT wanted.partition, wanted.size, append.frontier
FROM unnest($1::integer[], $2::bigint[]) AS wanted (partition, size)
LEFT JOIN LATERAL (
    SELECT size_after, frontier FROM trail.append
    WHERE append.partition = wanted.partition AND size_before < wanted.size ORDER BY size_before DESC LIMIT 1
) AS append ON append.size_after = wanted.size;
