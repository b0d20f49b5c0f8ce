-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.daily WITH (security_invoker = true) AS SELECT * FROM daily;
