"""The live generation held still for a moment, so that two generations can be compared or exchanged at one
position."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from services.ledger.progress.positions import begin_positions, live_positions, read_positions
from services.runtime.kafka.log_reader import LogReader
from services.runtime.postgres.named_queries import load


async def live_goals(connection: asyncpg.Connection, log: LogReader) -> dict[int, int]:
    """Return the next offset of each partition in the live generation; 0 for one that was never read."""
    found = {row.partition: row.applied.next_offset for row in await live_positions(connection, log.topic)}
    return {partition: found.get(partition, 0) for partition in log.partitions}


@asynccontextmanager
async def held_live(connection: asyncpg.Connection, log: LogReader) -> AsyncIterator[dict[int, int]]:
    """Begin a transaction in which no projector can commit to the live generation; the next offset of each of
    its partitions.

    Raises asyncpg.LockNotAvailableError when a projector's transaction does not end in time.
    """
    queries = load("services.rebuild", "live.sql")
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '10s'")
        number: int = await connection.fetchval(queries["hold_generation"])
        await begin_positions(connection, number, log.topic, log.partitions)
        await connection.execute(queries["hold_positions"], number, log.topic)
        held = await read_positions(connection, number, log.topic, log.partitions)
        yield {partition: place.next_offset for partition, place in held.items()}
