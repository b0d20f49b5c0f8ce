-- An index of quarantined records; their content is sealed on the dead-letter topics.

CREATE TABLE ledger.dead_letter (
    topic text NOT NULL,
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    tenant text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_at timestamptz,
    opened_by text,
    PRIMARY KEY (topic, partition, log_offset)
);
CREATE INDEX dead_letter_recorded_at ON ledger.dead_letter (recorded_at);
COMMENT ON TABLE ledger.dead_letter IS 'Quarantined records: position, reason, tenant if known, and the client that last opened it';

ALTER TABLE ledger.dead_letter ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.dead_letter USING (tenant = current_setting('vita.tenant', true));
