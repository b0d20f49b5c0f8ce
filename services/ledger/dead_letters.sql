-- name: note_dead_letters
-- Records that were quarantined; those noted before stay as they are, those older than the topics keep them go.
WITH gone AS (
    DELETE FROM ledger.dead_letter WHERE recorded_at < clock_timestamp() - make_interval(secs => $8)
)
INSERT INTO ledger.dead_letter (topic, partition, log_offset, reason, detail, tenant, earlier)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (topic, partition, log_offset) DO NOTHING;
