-- Counts of one day in one partition of the log; the figures of a day are the sums of its rows.
CREATE TABLE daily (
    tenant text NOT NULL,
    date date NOT NULL,
    partition integer NOT NULL,
    logins bigint NOT NULL,
    signups bigint NOT NULL,
    leaked_passwords bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, date, partition)
) WITH (fillfactor = 50);

ALTER TABLE daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON daily USING (tenant = current_setting('vita.tenant', true));
