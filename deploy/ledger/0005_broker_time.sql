-- Up to which broker time a partition is applied: what the logs can promise to be complete.
ALTER TABLE ledger.position ADD COLUMN recorded_at timestamptz;
COMMENT ON COLUMN ledger.position.recorded_at IS 'Broker time of the last record applied, never earlier than that of one before it';
