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

CREATE OR REPLACE FUNCTION ledger.advance(
    which integer, log text, partitions integer[], expected bigint[], next_offsets bigint[], times timestamptz[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE moved integer;
BEGIN
    UPDATE ledger.position AS p SET next_offset = m.next_offset, recorded_at = m.recorded_at
    FROM unnest(partitions, expected, next_offsets, times) AS m (partition, expected, next_offset, recorded_at)
    WHERE p.generation = which AND p.topic = log AND p.partition = m.partition AND p.next_offset = m.expected;
    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM FROM ledger.generation WHERE number = which AND state <> 'retired';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the generation is retired' USING ERRCODE = 'VT003';
    END IF;
    IF moved <> cardinality(partitions) THEN
        RAISE EXCEPTION 'a position differs from the expected one' USING ERRCODE = 'VT001';
    END IF;
END $$;
COMMENT ON FUNCTION ledger.advance IS 'Advances the positions of a generation; raises VT001 if one differs from the expected position, VT003 if the generation is retired';
