-- The state that a worker reports with its heartbeat.

ALTER TABLE ledger.heartbeat
    ADD COLUMN state text NOT NULL DEFAULT 'up' CHECK (state IN ('up', 'retrying', 'stuck', 'failed')),
    ADD COLUMN reason text;
COMMENT ON COLUMN ledger.heartbeat.state IS 'up; retrying after a failure of a dependency; stuck or failed if it ended for that reason';
