-- Which quarantined logins the log of their tenant reports. `earlier` is NULL for a login that is not reported, otherwise the number
-- of unreported logins of the tenant with the same reason since the previous report.
ALTER TABLE ledger.dead_letter ADD COLUMN earlier bigint;

CREATE TABLE ledger.quarantine_reported (
    tenant text NOT NULL REFERENCES ledger.tenant (name),
    reason text NOT NULL,
    minute bigint NOT NULL,
    unreported bigint NOT NULL,
    PRIMARY KEY (tenant, reason)
);
COMMENT ON TABLE ledger.quarantine_reported IS 'The last minute, since 1970, for which a tenant''s log reports logins quarantined for a reason, and the number of unreported ones since';

ALTER TABLE ledger.quarantine_reported ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.quarantine_reported USING (tenant = current_setting('vita.tenant', true));
