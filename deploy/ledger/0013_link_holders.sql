-- The process that carries a link out, by the number of an advisory lock that it holds while it is alive.
ALTER TABLE ledger.link ADD COLUMN holder bigint NOT NULL;
