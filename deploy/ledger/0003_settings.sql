-- Settings have names that are unique within their kind, and a generation says which definition its tables were made by.
ALTER TABLE ledger.reservation DROP CONSTRAINT reservation_kind_check;
ALTER TABLE ledger.reservation ADD CONSTRAINT reservation_kind_check
    CHECK (kind IN ('email', 'username', 'phone_number', 'user_id', 'connection', 'name'));

ALTER TABLE ledger.generation ADD COLUMN definition text;
COMMENT ON COLUMN ledger.generation.definition IS 'Hash of the files that made its tables; another one calls for a new generation';
