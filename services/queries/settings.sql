-- name: setting
-- A living setting by its id.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND id = $3 AND NOT deleted;

-- name: setting_named
-- A living setting by its name.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND name = $3 AND NOT deleted
ORDER BY id LIMIT 1;

-- name: settings
-- All living settings of a kind.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted ORDER BY name, id;

-- name: settings_among
-- Those of these settings that live, by id or by name.
SELECT kind, id, name, revision, document, event_id, created_at, updated_at, deleted
FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted AND (id = ANY ($3::text[]) OR name = ANY ($4::text[]))
ORDER BY name, id;

-- name: log_retention
-- For how many days the tenant keeps log entries; null for ever.
SELECT log_retention_days FROM views.setting WHERE tenant = $1 AND kind = 'tenant' AND id = 'settings' AND NOT deleted;

-- name: setting_event
-- Which change made a setting what it is, living or not.
SELECT event_id FROM views.setting WHERE tenant = $1 AND kind = $2 AND id = $3;
