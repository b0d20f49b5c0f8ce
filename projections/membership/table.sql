-- One row for each role a person has and each organization a person belongs to.
CREATE TABLE membership (
    tenant text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    subject text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant, kind, target, subject)
);
CREATE INDEX membership_since ON membership (tenant, kind, target, since, subject);

ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON membership USING (tenant = current_setting('vita.tenant', true));
