-- The stable names of the live generation. `connection_name` has the columns that ingest may read, `connection_mapping`
-- those that the normalizer needs to read claims.
CREATE OR REPLACE VIEW views.connection WITH (security_invoker = true) AS SELECT * FROM connection;
CREATE OR REPLACE VIEW views.connection_name WITH (security_invoker = true) AS
    SELECT tenant, name, strategy, maps_identity, deleted FROM connection;
CREATE OR REPLACE VIEW views.connection_mapping WITH (security_invoker = true) AS
    SELECT tenant, id, name, strategy, document, deleted FROM connection;
