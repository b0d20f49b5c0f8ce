-- An identity belongs to the connection that first brought it (design D4).
ALTER TABLE ledger.directory ADD COLUMN connection text;
COMMENT ON COLUMN ledger.directory.connection IS 'The connection that first brought the identity; another one may not use it';
