-- The number of a tenant's users in one partition of the log; the tenant's total is the sum of its rows.
CREATE TABLE population (
    tenant text NOT NULL,
    partition integer NOT NULL,
    users bigint NOT NULL,
    PRIMARY KEY (tenant, partition)
) WITH (fillfactor = 50);

ALTER TABLE population ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON population USING (tenant = current_setting('vita.tenant', true));
