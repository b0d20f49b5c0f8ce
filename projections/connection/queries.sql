-- name: read_connections
-- Returns all connections of the tenants with connection events in a batch.
SELECT tenant, id, name, strategy, revision, document, event_id, deleted FROM connection WHERE tenant = ANY($1::text[]);

-- name: write_connections
-- Writes the changed connections.
INSERT INTO connection (tenant, id, name, strategy, revision, document, maps_identity, event_id, deleted)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bool[], $8::uuid[], $9::bool[])
ON CONFLICT (tenant, id) DO UPDATE SET
    name = excluded.name, strategy = excluded.strategy, revision = excluded.revision, document = excluded.document,
    maps_identity = excluded.maps_identity, event_id = excluded.event_id, deleted = excluded.deleted;
