-- Deletions that are undone are sagas too: linked users come back together.
ALTER TABLE ledger.link DROP CONSTRAINT link_kind_check, ADD CONSTRAINT link_kind_check
    CHECK (kind IN ('link', 'unlink', 'delete', 'restore'));
