-- The event of a request with an Idempotency-Key is reserved as unique values are, so that the projector confirms it.
ALTER TABLE ledger.reservation DROP CONSTRAINT reservation_kind_check;
ALTER TABLE ledger.reservation ADD CONSTRAINT reservation_kind_check
    CHECK (kind IN ('email', 'username', 'phone_number', 'user_id', 'connection', 'name', 'request'));

-- The process that executes a link, by the number of an advisory lock that it holds while it runs.
ALTER TABLE ledger.link ADD COLUMN holder bigint NOT NULL;
