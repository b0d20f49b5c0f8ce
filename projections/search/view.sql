-- The stable names of the live generation; `login_name` is what a failed login is recognised by.
CREATE OR REPLACE VIEW views.search WITH (security_invoker = true) AS SELECT * FROM search;
CREATE OR REPLACE VIEW views.activity WITH (security_invoker = true) AS SELECT * FROM activity;
CREATE OR REPLACE VIEW views.search_leaf WITH (security_invoker = true) AS SELECT * FROM search_leaf;
CREATE OR REPLACE VIEW views.login_name WITH (security_invoker = true) AS
    SELECT tenant, subject, email_folded, username, phone_number, connections FROM search;

-- The same for one tenant, read with the owner's rights: behind a row-level policy PostgreSQL uses no index for an operator
-- that is not marked leakproof (LIKE, for one), because the policy has to come first. Here the condition is part of the view.
CREATE OR REPLACE VIEW views.tenant_search AS SELECT * FROM search WHERE tenant = current_setting('vita.tenant', true);
CREATE OR REPLACE VIEW views.tenant_activity AS SELECT * FROM activity WHERE tenant = current_setting('vita.tenant', true);
CREATE OR REPLACE VIEW views.tenant_leaf AS SELECT * FROM search_leaf WHERE tenant = current_setting('vita.tenant', true);
