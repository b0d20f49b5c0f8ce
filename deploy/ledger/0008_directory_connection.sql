-- An identity belongs to the connection that first used it (design D4).
ALTER TABLE ledger.directory ADD COLUMN connection text;
COMMENT ON COLUMN ledger.directory.connection IS 'The connection that first used the identity; another one may not use it';
