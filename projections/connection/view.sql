-- The stable names of the live generation; `connection_name` is what ingest may know of a connection.
CREATE OR REPLACE VIEW views.connection WITH (security_invoker = true) AS SELECT * FROM connection;
CREATE OR REPLACE VIEW views.connection_name WITH (security_invoker = true) AS
    SELECT tenant, name, strategy, deleted FROM connection;
GRANT SELECT ON views.connection TO vita_management, vita_operator, vita_normalizer;
GRANT SELECT ON views.connection_name TO vita_ingest;
