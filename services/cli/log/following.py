"""Reads the event log from its end or its beginning, in no group, committing nothing."""

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
class Wanted:
    """Which events are shown; None stands for all."""

    tenant: str | None = None
    type: str | None = None
    subject: str | None = None

    def holds(self, event: SealedEvent) -> bool:
        """Whether this event is among them; a type may be a pattern, with or without `profile.`."""
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
async def reading(kafka: KafkaAccess, topic: str, *, from_beginning: bool) -> AsyncIterator["Reading"]:
    """A place on every partition of the topic. Raises CommandFailed when there is no such topic."""
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
        yield Reading(consumer, ends)
    finally:
        await consumer.stop()


class Reading:
    """Records as they come."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        self._consumer, self._ends = consumer, ends

    async def records(self, *, follows: bool) -> AsyncIterator[ConsumerRecord]:
        """The oldest first among those that come together; up to what was there at the start, or for ever."""
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
            "look at VITA_KAFKA_BOOTSTRAP and VITA_TOPIC_PREFIX, or run `vita up`",
        )
    return [TopicPartition(topic, part["partition"]) for part in description["partitions"]]
