-- name: audited_end
-- Returns the offset after the last record of a partition that the trail covers.
SELECT next_offset FROM trail.append WHERE partition = $1 ORDER BY size_before DESC LIMIT 1;

-- name: subject_records
-- Returns where the records of a subject in a partition lie, with what the trail knows of them, in the order of the log.
SELECT leaf_index, log_offset, type, time FROM trail.leaf
WHERE tenant = $1 AND subject = $2 AND partition = $3 AND leaf_index > $4
ORDER BY leaf_index LIMIT $5;
