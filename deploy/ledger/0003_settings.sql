-- Names of settings are unique within their kind, and a generation records the definition of its tables.
ALTER TABLE ledger.reservation DROP CONSTRAINT reservation_kind_check;
ALTER TABLE ledger.reservation ADD CONSTRAINT reservation_kind_check
    CHECK (kind IN ('email', 'username', 'phone_number', 'user_id', 'connection', 'name'));

ALTER TABLE ledger.generation ADD COLUMN definition text;
COMMENT ON COLUMN ledger.generation.definition IS 'Hash of the files that define its tables; another hash requires a new generation';
