-- The stable names of the live generation. `tenant_log` is one tenant's entries with the condition in the view instead of in a
-- policy, which would keep PostgreSQL from using an index for operators that are not marked leakproof.
CREATE OR REPLACE VIEW views.log_entry WITH (security_invoker = true) AS SELECT * FROM log_entry;
CREATE OR REPLACE VIEW views.tenant_log AS SELECT * FROM log_entry WHERE tenant = current_setting('vita.tenant', true);
