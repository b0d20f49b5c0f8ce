-- One row per log entry, in the order of `log_id`: the broker's time, then the position of the record.
CREATE TABLE log_entry (
    tenant text NOT NULL,
    log_id text COLLATE "C" NOT NULL,
    date timestamptz NOT NULL,
    type text NOT NULL,
    description text,
    connection text,
    client_id text,
    hostname text,
    ip text,
    user_agent text,
    user_id text,
    user_name text,
    strategy text,
    strategy_type text,
    organization_id text,
    subject text,
    details text,
    more text,
    PRIMARY KEY (tenant, log_id)
);
CREATE INDEX log_entry_user ON log_entry (tenant, user_id, log_id) WHERE user_id IS NOT NULL;
CREATE INDEX log_entry_by_date ON log_entry (tenant, date, log_id);
CREATE INDEX log_entry_date ON log_entry USING brin (date);

ALTER TABLE log_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON log_entry USING (tenant = current_setting('vita.tenant', true));
