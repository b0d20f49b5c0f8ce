-- The stable names of the live generation. `tenant_log` has one tenant's entries. Its condition is in the view, because a policy
-- would prevent PostgreSQL from using an index for operators that are not marked leakproof.
CREATE OR REPLACE VIEW views.log_entry WITH (security_invoker = true) AS SELECT * FROM log_entry;
CREATE OR REPLACE VIEW views.tenant_log AS SELECT * FROM log_entry WHERE tenant = current_setting('vita.tenant', true);
