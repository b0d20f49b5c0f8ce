-- The broker time up to which a partition is applied, which bounds the complete part of the logs.
ALTER TABLE ledger.position ADD COLUMN recorded_at timestamptz;
COMMENT ON COLUMN ledger.position.recorded_at IS 'Broker time of the last applied record, never decreasing';
