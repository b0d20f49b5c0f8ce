"""Brings large records to their end beside the others, so that other partitions do not wait for them.

A partition with a large record among those that were read is set aside: its records, in their order, are one
piece of work, and no more of it is read until that is done. Partitions that are aside are worked on one after
the other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from aiokafka import ConsumerRecord, TopicPartition

from services.runtime.background import start_task
from services.runtime.worker.intake import Intake, place_of, size


class SideTrack:
    """The partitions that are aside. `bring` brings records to their end, `fail` hears of what it raises."""

    def __init__(
        self,
        intake: Intake,
        large_bytes: int | None,
        bring: Callable[[Sequence[ConsumerRecord]], Awaitable[object]],
        fail: Callable[[Exception], None],
    ) -> None:
        """A record of `large_bytes` is large; none is where that is None."""
        self._intake, self._large, self._bring, self._fail = intake, large_bytes, bring, fail
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._under_way: Sequence[ConsumerRecord] = ()
        self._began = 0.0

    @property
    def places(self) -> frozenset[TopicPartition]:
        """The partitions that are aside."""
        return frozenset(self._tasks)

    @property
    def under_way(self) -> Sequence[ConsumerRecord]:
        """The records that are worked on."""
        return self._under_way

    def is_late(self, seconds: float) -> bool:
        """Whether what is under way has been for longer than that."""
        return bool(self._under_way) and time.monotonic() - self._began > seconds

    def take(self, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """Begin with the partitions among these that have a large record; the records of the others."""
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
        """Returns once no partition is aside."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def cancel(self) -> None:
        """Gives up what is under way."""
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
