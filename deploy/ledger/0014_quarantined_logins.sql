-- Which quarantined logins their tenant's log tells of. `earlier` is NULL for one that it does not tell of, else how many
-- others of the tenant were quarantined for the reason since the one told before.
ALTER TABLE ledger.dead_letter ADD COLUMN earlier bigint;

CREATE TABLE ledger.quarantine_told (
    tenant text NOT NULL REFERENCES ledger.tenant (name),
    reason text NOT NULL,
    minute bigint NOT NULL,
    untold bigint NOT NULL,
    PRIMARY KEY (tenant, reason)
);
COMMENT ON TABLE ledger.quarantine_told IS 'The last minute, since 1970, of which a tenant''s log tells of logins quarantined for a reason, and how many it has not told of since';

ALTER TABLE ledger.quarantine_told ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.quarantine_told USING (tenant = current_setting('vita.tenant', true));
