"""Where consumption goes on, and the commits by which the broker learns of it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.runtime.background import start_task
from services.runtime.kafka.failures import kafka_failures
from services.runtime.worker.consumer import Consumer, next_offsets
from services.runtime.worker.intake import Intake, Source, WorkerFailed
from services.runtime.worker.retries import Retries

_log = structlog.get_logger()

COMMIT_SECONDS: Final = 1.0
"""Minimum interval between Kafka offset commits when positions are stored with the effects: commits then only
feed lag monitoring."""


class Positions:
    """The positions of the assigned partitions: stored with the effects, or else kept by the broker."""

    def __init__(self, source: Source, consumer: Consumer, intake: Intake, retries: Retries) -> None:
        self._source, self._consumer, self._intake, self._retries = source, consumer, intake, retries
        self._are_stored = False
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committing: asyncio.Task[None] | None = None

    async def seek_to_stored(self, assigned: Collection[TopicPartition]) -> None:
        """Go on where the effects end, whatever the broker remembers. Raises Transient."""
        if not assigned:
            return
        stored = await self._consumer.stored_positions([place.partition for place in assigned])
        self._are_stored = stored is not None
        if stored is None:
            self._intake.trust_broker(assigned)
        else:
            await self._intake.seek(assigned, stored)

    async def recover(self, assigned: Collection[TopicPartition]) -> None:
        """Go back to the stored positions after another instance was found at work. Raises Transient, or
        WorkerFailed when the log ends before them."""
        await self.seek_to_stored(assigned)
        kafka = self._intake.consumer
        with kafka_failures():
            ends = await kafka.end_offsets(list(assigned))
            positions = {place: await kafka.position(place) for place in assigned}
        for place in assigned:
            if positions[place] > ends[place]:
                raise WorkerFailed(
                    f"{place.topic}/{place.partition} ends before the position stored for it: was the topic "
                    "made anew? Rebuild the views from the new log, or give back the old one."
                )

    async def remaining(self, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """The records whose effects are not stored yet; all when the worker stops before that is known."""
        stored: Mapping[int, int] | None = None

        async def read() -> None:
            nonlocal stored
            stored = await self._consumer.stored_positions({record.partition for record in records})

        await self._retries.until_done(read)
        if stored is None:
            return records
        positions: Mapping[int, int] = stored
        return [record for record in records if record.offset >= positions.get(record.partition, 0)]

    async def acknowledge(self, records: Sequence[ConsumerRecord]) -> None:
        """Records were brought to their end. The broker hears of it at once where it keeps the positions, and
        within COMMIT_SECONDS elsewhere."""
        topic = self._source.topic
        self.moved({TopicPartition(topic, p): offset for p, offset in next_offsets(records).items()})
        if not self._are_stored:
            await self.commit()
        elif self._committing is None or self._committing.done():
            self._committing = start_task(self._commit_soon())

    def moved(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note positions for the next commit."""
        self._uncommitted |= offsets

    async def commit(self) -> None:
        """Commit what was noted. A failure is logged and only repeats work: effects are recognised when they
        come twice."""
        offsets, self._uncommitted = self._uncommitted, {}
        if not offsets:
            return
        try:
            await self._intake.consumer.commit(offsets)
        except KafkaError as error:
            _log.warning("commit_failed", group=self._source.group, error=type(error).__name__)

    async def _commit_soon(self) -> None:
        await self._retries.stops_within(COMMIT_SECONDS)
        await self.commit()
