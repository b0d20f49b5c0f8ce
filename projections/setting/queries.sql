-- name: read_settings
-- Returns the settings that a batch changes.
SELECT s.tenant, s.kind, s.id, s.name, s.revision, s.document, s.event_id, s.created_at, s.updated_at, s.deleted
FROM unnest($1::text[], $2::text[], $3::text[]) AS touched (tenant, kind, id)
JOIN setting AS s ON s.tenant = touched.tenant AND s.kind = touched.kind AND s.id = touched.id;

-- name: write_settings
-- Writes the changed settings.
INSERT INTO setting (
    tenant, kind, id, name, revision, document, event_id, created_at, updated_at, deleted, default_picture,
    log_retention_days
)
SELECT
    tenant, kind, id, name, revision, document, event_id, created_at::timestamptz, updated_at::timestamptz, deleted,
    default_picture, log_retention_days
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::bool[],
    $11::text[], $12::int[]
) AS r (
    tenant, kind, id, name, revision, document, event_id, created_at, updated_at, deleted, default_picture, log_retention_days
)
ON CONFLICT (tenant, kind, id) DO UPDATE SET
    name = excluded.name, revision = excluded.revision, document = excluded.document, event_id = excluded.event_id,
    updated_at = excluded.updated_at, deleted = excluded.deleted, default_picture = excluded.default_picture,
    log_retention_days = excluded.log_retention_days;
