-- Rebuilds: a generation that is filled from the log beside the live one, and what a rebuild that was interrupted goes on from.
ALTER TABLE ledger.generation
    ADD COLUMN code text,
    ADD COLUMN phase text CHECK (phase IN ('replay', 'index', 'catch_up', 'compare', 'ready')),
    ADD COLUMN events_total bigint,
    ADD COLUMN events_done bigint NOT NULL DEFAULT 0,
    ADD COLUMN progress_at timestamptz,
    ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN ledger.generation.code IS 'Hash of the code that determines its rows';
COMMENT ON COLUMN ledger.generation.phase IS 'What its rebuild does, or did last; NULL for one that was never rebuilt';

CREATE TABLE ledger.rebuild_partition (
    generation integer NOT NULL REFERENCES ledger.generation ON DELETE CASCADE,
    partition integer NOT NULL,
    end_offset bigint NOT NULL,
    buckets integer NOT NULL,
    recorded_at timestamptz,
    PRIMARY KEY (generation, partition)
);
COMMENT ON TABLE ledger.rebuild_partition IS 'Up to where a rebuild replays each partition of the log, and in how many parts: a bucket holds the subjects with one remainder of a hash';

CREATE TABLE ledger.rebuild_bucket (
    generation integer NOT NULL,
    partition integer NOT NULL,
    bucket integer NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (generation, partition, bucket),
    FOREIGN KEY (generation, partition) REFERENCES ledger.rebuild_partition ON DELETE CASCADE
);
COMMENT ON TABLE ledger.rebuild_bucket IS 'Parts whose rows are written; a row is inserted in the transaction that writes them';

CREATE TABLE ledger.rebuild_index (
    generation integer NOT NULL REFERENCES ledger.generation ON DELETE CASCADE,
    name text NOT NULL,
    statement text NOT NULL,
    PRIMARY KEY (generation, name)
);
COMMENT ON TABLE ledger.rebuild_index IS 'Indexes and constraints that a replay goes without, each deleted here when it is made again';
