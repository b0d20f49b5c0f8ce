-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.daily WITH (security_invoker = true) AS SELECT * FROM daily;
GRANT SELECT ON views.daily TO vita_management, vita_operator;
