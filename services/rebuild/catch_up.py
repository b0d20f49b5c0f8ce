"""The records between what a replay has read and what the live generation has applied: the ordinary way, over
indexed tables, without effects outside of the views. The projector had those effects already."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from projections.batch.fold import fold_batch
from projections.batch.reservations import Reservations
from projections.batch.views import Views
from projections.logged import Logged
from schemas.sealing.keys import Keyring
from services.ledger.progress.positions import AppliedPosition, Move, advance, begin_positions, read_positions
from services.runtime.kafka.log_reader import LogReader
from services.views.clock import Latest
from services.views.opening import open_records, read_records
from services.views.statement_batches import write_batches
from services.views.store import read_owners, read_views, statements

BATCH: Final = 500


class CatchUp:
    """Applies records to one generation up to given positions."""

    def __init__(self, pool: asyncpg.Pool, log: LogReader, keyring: Keyring, number: int) -> None:
        """`pool` finds the tables of generation `number`, with the rights of the projector at least."""
        self._pool, self._log, self._keyring, self._number = pool, log, keyring, number

    async def positions(self) -> dict[int, AppliedPosition]:
        """Return how far the generation has applied each partition."""
        async with self._pool.acquire() as connection:
            await begin_positions(connection, self._number, self._log.topic, self._log.partitions)
            return await read_positions(connection, self._number, self._log.topic, self._log.partitions)

    async def behind(self, goals: Mapping[int, int]) -> int:
        """Return how many offsets lie between the generation and these goals."""
        applied = await self.positions()
        return sum(max(0, goal - applied[one].next_offset) for one, goal in goals.items())

    async def up_to(self, goals: Mapping[int, int]) -> int:
        """Apply the records before the offset that `goals` has for each partition, and return how many there
        were."""
        applied, count = await self.positions(), 0
        for partition, goal in sorted(goals.items()):
            place = applied[partition]
            if place.next_offset < goal:
                count += await self._follow(partition, place, goal)
        return count

    async def _follow(self, partition: int, place: AppliedPosition, goal: int) -> int:
        latest: Latest = {} if place.recorded_at is None else {partition: place.recorded_at}
        expected, count = place.next_offset, 0
        await self._log.go_to(partition, expected)
        while records := await self._log.records(goal, BATCH):
            following = records[-1].offset + 1
            await self._apply(records, latest, Move({partition: expected}, {partition: following}, latest))
            expected, count = following, count + len(records)
        if expected < goal and latest:
            # What lies between the last record and the goal is no record: transactions end with markers.
            await self._apply([], latest, Move({partition: expected}, {partition: goal}, latest))
        return count

    async def _apply(self, records: Sequence[Any], latest: Latest, move: Move) -> None:
        read, _ = read_records(records, len(self._log.partitions), latest)
        async with self._pool.acquire() as connection:
            owners = await read_owners(connection, self._keyring, {one.owner for one in read})
        opened = await open_records(read, owners.keys, {})
        events = [one for one in opened if isinstance(one, Logged)]
        folded = fold_batch(await read_views(self._pool, events, owners, Views()), events)
        batches = statements(folded, Reservations(), owners.keys)
        await write_batches(self._pool, batches, advance(self._number, self._log.topic, move))
