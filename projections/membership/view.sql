-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.membership WITH (security_invoker = true) AS SELECT * FROM membership;
