-- Dead letters are settled: replayed by their worker after an operator asked for it, or dropped. `outcome` is `refused` after a
-- replay that failed again; such a letter is not settled.
ALTER TABLE ledger.dead_letter
    ADD COLUMN requested_at timestamptz,
    ADD COLUMN requested_by text,
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN outcome text CHECK (outcome IN ('replayed', 'dropped', 'refused'));
CREATE INDEX dead_letter_requested ON ledger.dead_letter (topic, partition, log_offset)
    WHERE requested_at IS NOT NULL AND settled_at IS NULL;
