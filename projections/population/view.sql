-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.population WITH (security_invoker = true) AS SELECT * FROM population;
GRANT SELECT ON views.population TO vita_management, vita_operator;
