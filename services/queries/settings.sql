-- name: find_setting
-- Returns a setting that is not deleted by its id.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND id = $3 AND NOT deleted;

-- name: find_setting_by_name
-- Returns a setting that is not deleted by its name.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND name = $3 AND NOT deleted
ORDER BY id LIMIT 1;

-- name: list_settings
-- Returns all settings of a kind that are not deleted.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted ORDER BY name, id;

-- name: find_settings
-- Returns settings that are not deleted by their ids or names.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted AND (id = ANY ($3::text[]) OR name = ANY ($4::text[]))
ORDER BY name, id;

-- name: log_retention
-- Returns for how many days the tenant keeps log entries; null for ever.
SELECT log_retention_days FROM views.setting WHERE tenant = $1 AND kind = 'tenant' AND id = 'settings' AND NOT deleted;

-- name: find_setting_event
-- Returns the event that a setting, deleted or not, was last changed by.
SELECT event_id FROM views.setting WHERE tenant = $1 AND kind = $2 AND id = $3;

-- name: read_attribute_profiles
-- Returns user attribute profiles of several tenants that are not deleted, by tenant and id.
SELECT s.tenant, s.id, s.document
FROM unnest($1::text[], $2::text[]) AS requested (tenant, id)
JOIN views.attribute_profile AS s ON s.tenant = requested.tenant AND s.id = requested.id;
