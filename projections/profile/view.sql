-- The stable names of the live generation; `person` is a profile without its secrets.
CREATE OR REPLACE VIEW views.profile WITH (security_invoker = true) AS SELECT * FROM profile;
CREATE OR REPLACE VIEW views.person WITH (security_invoker = true) AS
    SELECT tenant, subject, user_id, revision, document, memory FROM profile;
GRANT SELECT ON views.profile TO vita_management;
GRANT SELECT ON views.person TO vita_operator;
