"""Reads the event log from its end or its beginning, without a consumer group and without commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.sealing.mapper import SealedEvent
from services.cli.failure import CommandFailed
from services.runtime.kafka.access import KafkaAccess

_POLL_MS: Final = 500
_RECORDS: Final = 1000
_PREFIX: Final = "profile."


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to show; a field that is None does not restrict them."""

    tenant: str | None = None
    type: str | None = None
    subject: str | None = None

    def holds(self, event: SealedEvent) -> bool:
        """Return whether the event passes the filter. `type` may be a pattern, with or without `profile.`."""
        name = str(event.envelope["type"])
        return (
            self.tenant in (None, event.tenant)
            and self.subject in (None, event.subject)
            and (
                self.type is None
                or fnmatchcase(name, self.type)
                or fnmatchcase(name.removeprefix(_PREFIX), self.type)
            )
        )


@asynccontextmanager
async def open_reader(
    kafka: KafkaAccess, topic: str, *, from_beginning: bool
) -> AsyncIterator["EventReader"]:
    """Open a reader at the beginning or the end of every partition of the topic.

    Raises CommandFailed when the broker has no such topic.
    """
    places = await _places(kafka, topic)
    consumer = AIOKafkaConsumer(
        **kafka.arguments(),
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        max_poll_records=_RECORDS,
    )
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        starts = await consumer.beginning_offsets(places) if from_beginning else ends
        for place in places:
            consumer.seek(place, starts[place])
        yield EventReader(consumer, ends)
    finally:
        await consumer.stop()


class EventReader:
    """Reads records from assigned partitions. `ends` are the end offsets at the time of opening."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        self._consumer, self._ends = consumer, ends

    async def records(self, *, follows: bool) -> AsyncIterator[ConsumerRecord]:
        """Yield records in the order in which they arrive; those fetched together are sorted by timestamp.

        Ends at the offsets that were the ends at the time of opening, or never if `follows` is set.
        """
        while follows or await self._remains():
            found = await self._consumer.getmany(timeout_ms=_POLL_MS)
            together = [record for records in found.values() for record in records]
            for record in sorted(together, key=lambda one: (one.timestamp, one.partition, one.offset)):
                if follows or record.offset < self._ends[TopicPartition(record.topic, record.partition)]:
                    yield record

    async def _remains(self) -> bool:
        for place, end in self._ends.items():
            if await self._consumer.position(place) < end:
                return True
        return False


async def _places(kafka: KafkaAccess, topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        (description,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    if not description["partitions"]:
        raise CommandFailed(
            f"the broker has no topic {topic}",
            "check VITA_KAFKA_BOOTSTRAP and VITA_TOPIC_PREFIX, or run `vita up`",
        )
    return [TopicPartition(topic, part["partition"]) for part in description["partitions"]]
