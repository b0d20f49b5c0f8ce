-- The stable names of the live generation; `client_summary` is a client without its secret.
CREATE OR REPLACE VIEW views.client WITH (security_invoker = true) AS SELECT * FROM client;
CREATE OR REPLACE VIEW views.client_summary WITH (security_invoker = true) AS
    SELECT tenant, client_id, name, scopes, event_id, deleted FROM client;
