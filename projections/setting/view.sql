-- The stable names of the live generation; `protection` is what ingest may know.
CREATE OR REPLACE VIEW views.setting WITH (security_invoker = true) AS SELECT * FROM setting;
CREATE OR REPLACE VIEW views.protection WITH (security_invoker = true) AS
    SELECT tenant, id, document FROM setting WHERE kind = 'attack_protection' AND NOT deleted;
GRANT SELECT ON views.setting TO vita_management, vita_operator, vita_normalizer;
GRANT SELECT ON views.protection TO vita_ingest;
