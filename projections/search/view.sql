-- The stable names of the live generation; `login_name` is what a failed login is recognised by.
CREATE OR REPLACE VIEW views.search WITH (security_invoker = true) AS SELECT * FROM search;
CREATE OR REPLACE VIEW views.activity WITH (security_invoker = true) AS SELECT * FROM activity;
CREATE OR REPLACE VIEW views.login_name WITH (security_invoker = true) AS
    SELECT tenant, subject, email_folded, username, phone_number, connections FROM search;
GRANT SELECT ON views.search, views.activity TO vita_management, vita_operator;
GRANT SELECT ON views.login_name TO vita_normalizer;
