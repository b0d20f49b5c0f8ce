-- Positions advance by compare-and-set together with the rows, in one statement or not at all.
CREATE FUNCTION ledger.advance(
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

-- Undoes a statement that does not have the required effect.
CREATE FUNCTION ledger.require(holds boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'the required condition is not true' USING ERRCODE = 'VT002';
    END IF;
END $$;
COMMENT ON FUNCTION ledger.require IS 'Raises VT002 unless the condition is true, which undoes the statement that it is part of';
