"""The positions from which a worker continues, and the offset commits to Kafka."""

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
    """The positions of the assigned partitions, stored with the effects or by Kafka."""

    def __init__(self, source: Source, consumer: Consumer, intake: Intake, retries: Retries) -> None:
        self._source, self._consumer, self._intake, self._retries = source, consumer, intake, retries
        self._are_stored = False
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committing: asyncio.Task[None] | None = None

    async def seek_to_stored(self, assigned: Collection[TopicPartition]) -> None:
        """Continue after the last stored effect, regardless of Kafka's committed offsets. Raises
        Transient."""
        if not assigned:
            return
        stored = await self._consumer.stored_positions([place.partition for place in assigned])
        self._are_stored = stored is not None
        if stored is None:
            self._intake.trust_broker(assigned)
        else:
            await self._intake.seek(assigned, stored)

    async def recover(self, assigned: Collection[TopicPartition]) -> None:
        """Return to the stored positions after another instance has advanced them. Raises Transient, or
        WorkerFailed when the log ends before a stored position."""
        await self.seek_to_stored(assigned)
        kafka = self._intake.consumer
        with kafka_failures():
            ends = await kafka.end_offsets(list(assigned))
            positions = {place: await kafka.position(place) for place in assigned}
        for place in assigned:
            if positions[place] > ends[place]:
                raise WorkerFailed(
                    f"{place.topic}/{place.partition} ends before its stored position: was the topic "
                    "recreated? Rebuild the views from the new topic, or restore the old one."
                )

    async def remaining(self, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """Return the records whose effects are not stored yet; all records if the worker stops before the
        positions can be read."""
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
        """Record that these records were applied or quarantined. Kafka's offsets are committed at once if
        Kafka stores the positions, otherwise within COMMIT_SECONDS."""
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
        """Commit the noted positions. A failure is only logged: it leads to records being read again, and
        duplicates are recognised."""
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
