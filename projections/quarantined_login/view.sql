-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.quarantined_login WITH (security_invoker = true) AS SELECT * FROM quarantined_login;
