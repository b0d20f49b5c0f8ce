"""Applies large records separately, so that other partitions do not wait for them.

When a fetch returns a large record, its partition is set aside: its records are applied as one unit, in
order, and the partition is not read until they are. Partitions that are set aside are processed one after the
other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from aiokafka import ConsumerRecord, TopicPartition

from services.runtime.background import start_task
from services.runtime.worker.intake import Intake, place_of, size


class SideTrack:
    """The partitions that are set aside."""

    def __init__(
        self,
        intake: Intake,
        large_bytes: int | None,
        bring: Callable[[Sequence[ConsumerRecord]], Awaitable[object]],
        fail: Callable[[Exception], None],
    ) -> None:
        """Create a side track without partitions.

        A record of at least `large_bytes` is large; None disables the side track. `bring` applies records;
        `fail` is called with the error that it raises.
        """
        self._intake, self._large, self._bring, self._fail = intake, large_bytes, bring, fail
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._under_way: Sequence[ConsumerRecord] = ()
        self._began = 0.0

    @property
    def places(self) -> frozenset[TopicPartition]:
        """The partitions that are set aside."""
        return frozenset(self._tasks)

    @property
    def under_way(self) -> Sequence[ConsumerRecord]:
        """The records that are being applied."""
        return self._under_way

    def is_late(self, seconds: float) -> bool:
        """Whether the current records have been in progress for longer than `seconds`."""
        return bool(self._under_way) and time.monotonic() - self._began > seconds

    def take(self, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """Set the partitions with large records aside and start on them; return the records of the other
        partitions."""
        if self._large is None or all(size(record) < self._large for record in records):
            return list(records)
        others: list[ConsumerRecord] = []
        for place, group in groupby(records, place_of):
            part = list(group)
            if any(size(record) >= self._large for record in part):
                self._intake.set_aside(place, sum(map(size, part)))
                self._tasks[place] = start_task(self._work(place, part))
            else:
                others += part
        return others

    async def finished(self) -> None:
        """Wait until no partition is set aside."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def cancel(self) -> None:
        """Cancel the work on all partitions that are set aside."""
        for task in list(self._tasks.values()):
            task.cancel()
        await self.finished()

    async def _work(self, place: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        try:
            async with self._one_at_a_time:
                self._under_way, self._began = records, time.monotonic()
                try:
                    await self._bring(records)
                finally:
                    self._under_way = ()
        except Exception as error:
            self._fail(error)
        finally:
            del self._tasks[place]
            self._intake.take_back(place)
