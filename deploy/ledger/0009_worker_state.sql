-- What a worker says of itself beside its signs of life.

ALTER TABLE ledger.heartbeat
    ADD COLUMN state text NOT NULL DEFAULT 'up' CHECK (state IN ('up', 'retrying', 'stuck', 'failed')),
    ADD COLUMN reason text;
COMMENT ON COLUMN ledger.heartbeat.state IS 'up; retrying after a failure of its surroundings; stuck or failed when it ended for that reason';
