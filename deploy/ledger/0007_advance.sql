-- Positions move by compare-and-set and the rows go with them: one statement, or nothing.
CREATE FUNCTION ledger.advance(
    which integer, log text, partitions integer[], expected bigint[], next_offsets bigint[], times timestamptz[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE moved integer;
BEGIN
    UPDATE ledger.position AS p SET next_offset = m.next_offset, recorded_at = m.recorded_at
    FROM unnest(partitions, expected, next_offsets, times) AS m (partition, expected, next_offset, recorded_at)
    WHERE p.generation = which AND p.topic = log AND p.partition = m.partition AND p.next_offset = m.expected;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(partitions) THEN
        RAISE EXCEPTION 'positions stand elsewhere' USING ERRCODE = 'VT001';
    END IF;
END $$;
COMMENT ON FUNCTION ledger.advance IS 'Moves the positions of a generation; VT001 when one is not where it was expected';

-- A statement that must come to something, or nothing of it is kept.
CREATE FUNCTION ledger.require(holds boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'not as required' USING ERRCODE = 'VT002';
    END IF;
END $$;
COMMENT ON FUNCTION ledger.require IS 'VT002 unless it holds: undoes the statement it is part of';
