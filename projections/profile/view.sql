-- The stable names of the live generation; `person` has the people with a user_id.
CREATE OR REPLACE VIEW views.profile WITH (security_invoker = true) AS SELECT * FROM profile;
CREATE OR REPLACE VIEW views.person WITH (security_invoker = true) AS
    SELECT tenant, subject, user_id FROM profile;
