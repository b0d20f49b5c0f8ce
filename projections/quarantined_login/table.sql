-- One row per tenant with quarantined logins: the memory that detects repeated events.
CREATE TABLE quarantined_login (
    tenant text NOT NULL,
    memory text NOT NULL,
    PRIMARY KEY (tenant)
) WITH (fillfactor = 70);

ALTER TABLE quarantined_login ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON quarantined_login USING (tenant = current_setting('vita.tenant', true));
