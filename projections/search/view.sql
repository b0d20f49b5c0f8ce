-- The stable names of the live generation; `login_name` has the identifiers by which failed logins are matched to users.
CREATE OR REPLACE VIEW views.search WITH (security_invoker = true) AS SELECT * FROM search;
CREATE OR REPLACE VIEW views.activity WITH (security_invoker = true) AS SELECT * FROM activity;
CREATE OR REPLACE VIEW views.search_leaf WITH (security_invoker = true) AS SELECT * FROM search_leaf;
CREATE OR REPLACE VIEW views.login_name WITH (security_invoker = true) AS
    SELECT tenant, subject, email_folded, username, phone_number, connections FROM search;

-- The tables of one tenant, read with the owner's rights. With a row-level policy, which is evaluated first, PostgreSQL uses no index
-- for an operator that is not marked leakproof, such as LIKE. Here the condition is part of the view.
CREATE OR REPLACE VIEW views.tenant_search AS SELECT * FROM search WHERE tenant = current_setting('vita.tenant', true);
CREATE OR REPLACE VIEW views.tenant_activity AS SELECT * FROM activity WHERE tenant = current_setting('vita.tenant', true);
CREATE OR REPLACE VIEW views.tenant_leaf AS SELECT * FROM search_leaf WHERE tenant = current_setting('vita.tenant', true);
