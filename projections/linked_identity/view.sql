-- The stable name of the live generation.
CREATE OR REPLACE VIEW views.linked_identity WITH (security_invoker = true) AS SELECT * FROM linked_identity;
