-- The stable names of the live generation; `admission` has the columns of people that ingest may read: who is blocked.
CREATE OR REPLACE VIEW views.login_guard WITH (security_invoker = true) AS
    SELECT tenant, subject, connection, identifier, failures, last_failed, ips FROM login_guard;
CREATE OR REPLACE VIEW views.ip_guard WITH (security_invoker = true) AS SELECT * FROM ip_guard;
CREATE OR REPLACE VIEW views.admission WITH (security_invoker = true) AS
    SELECT tenant, subject, email_folded, username, phone_number, connections, blocked FROM search;
