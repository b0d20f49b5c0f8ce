-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.population WITH (security_invoker = true) AS SELECT * FROM population;
