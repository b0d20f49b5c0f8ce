"""Reads a topic as it lies on the broker, as nobody's consumer: in no group, committing nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CorruptRecordException

from schemas.formats.positions import Position
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.failures import kafka_failures

ANSWER_SECONDS: Final = 5.0
CHUNK_RECORDS: Final = 5000
FETCH_BYTES: Final = 8 * 1024 * 1024
_POLL_MS: Final = 1000
_WAIT_MS: Final = 20


class LogRecord(NamedTuple):
    """A record's place and value."""

    offset: int
    value: bytes | None


class CorruptLog(Exception):
    """Records at or soon after an offset do not have the bytes that were written."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the records from offset {offset} on are damaged")
        self.offset = offset


class LogReader:
    """One topic. It has one place to read at; what asks for the extent of partitions leaves that as it is.

    All methods raise Transient when the broker does not answer.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, kafka: KafkaAccess, topic: str, partitions: list[int]
    ) -> None:
        self._consumer = consumer
        self._place = TopicPartition(topic, partitions[0])
        self._next: int | None = None
        self.kafka = kafka
        self.topic = topic
        self.partitions = partitions

    async def begin(self, partition: int) -> int:
        """The offset of the oldest place that the broker retains."""
        return (await self.begins([partition]))[partition]

    async def begins(self, partitions: list[int] | None = None) -> dict[int, int]:
        """Partition -> offset of the oldest place that the broker retains; of all partitions if None."""
        places = self._places(partitions)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.beginning_offsets(places)
        return {place.partition: offset for place, offset in found.items()}

    async def end(self, partition: int) -> int:
        """The offset that the partition's next record will have."""
        return (await self.ends([partition]))[partition]

    async def ends(self, partitions: list[int] | None = None) -> dict[int, int]:
        """Partition -> offset that its next record will have; of all partitions if None."""
        places = self._places(partitions)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.end_offsets(places)
        return {place.partition: offset for place, offset in found.items()}

    async def last(self, partition: int) -> Position:
        """The newest record of a partition; offset -1 while it has none."""
        return Position(partition, await self.end(partition) - 1)

    async def offset_at(self, partition: int, milliseconds: int) -> int:
        """The offset of the first record stamped at this time (since 1970) or later; the end if none is."""
        place = TopicPartition(self.topic, partition)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = (await self._consumer.offsets_for_times({place: milliseconds}))[place]
        return await self.end(partition) if found is None else int(found.offset)

    async def go_to(self, partition: int, offset: int | None = None) -> None:
        """Reads on from there; from the oldest record there is without an offset."""
        self._place, self._next = TopicPartition(self.topic, partition), offset
        with kafka_failures():
            self._consumer.assign([self._place])
            if offset is None:
                await self._consumer.seek_to_beginning(self._place)
            else:
                self._consumer.seek(self._place, offset)

    async def read(self, end: int, most: int = CHUNK_RECORDS) -> list[LogRecord]:
        """`records`, without what verifying a log does not need."""
        return [LogRecord(record.offset, record.value) for record in await self.records(end, most)]

    async def records(self, end: int, most: int = CHUNK_RECORDS) -> list[ConsumerRecord]:
        """The next records below `end`, `most` at most; none when there are no more. Raises CorruptLog."""
        most = min(most, CHUNK_RECORDS)
        with kafka_failures():
            while await self._consumer.position(self._place) < end:
                try:
                    found = await self._consumer.getmany(self._place, timeout_ms=_POLL_MS, max_records=most)
                except CorruptRecordException as error:
                    raise CorruptLog(self._next or 0) from error
                chunk = [record for record in found.get(self._place, ()) if record.offset < end]
                if chunk:
                    self._next = chunk[-1].offset + 1
                    return chunk
        return []

    async def record_at(self, position: Position) -> ConsumerRecord | None:
        """The record of a position, None when the broker does not have it. Raises CorruptLog."""
        await self.go_to(position.partition, position.offset)
        found = await self.records(position.offset + 1, most=1)
        return found[0] if found else None

    async def follow(
        self, starts: Mapping[int, int], ends: Mapping[int, int] | None = None
    ) -> AsyncIterator[ConsumerRecord]:
        """The records of all partitions from `starts` on, as they come: the oldest first among those that
        come together. Up to `ends`; without them it waits for more for ever."""
        places = self._places(None)
        with kafka_failures():
            self._consumer.assign(places)
            for place in places:
                self._consumer.seek(place, starts[place.partition])
            while ends is None or await self._is_below(ends):
                found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=CHUNK_RECORDS)
                together = [record for records in found.values() for record in records]
                for record in sorted(together, key=lambda one: (one.timestamp, one.partition, one.offset)):
                    if ends is None or record.offset < ends[record.partition]:
                        yield record

    async def _is_below(self, ends: Mapping[int, int]) -> bool:
        for partition, end in ends.items():
            if await self._consumer.position(TopicPartition(self.topic, partition)) < end:
                return True
        return False

    def _places(self, partitions: list[int] | None) -> list[TopicPartition]:
        wanted = self.partitions if partitions is None else partitions
        return [TopicPartition(self.topic, partition) for partition in wanted]


@asynccontextmanager
async def open_log(
    kafka: KafkaAccess,
    topic: str,
    *,
    check_crcs: bool = True,
    committed: bool = True,
    fetch_bytes: int = FETCH_BYTES,
) -> AsyncIterator[LogReader]:
    """A reader of the topic, closed at the end.

    It leaves out what transactions have not committed, as every worker does; not `committed`, it counts and
    reads that too. Without `check_crcs` it gives what lies on the broker, damaged or not. `fetch_bytes` is
    what it takes from a partition at once. Raises Transient when the broker does not answer, LookupError when
    it has no such topic.
    """
    with kafka_failures():
        partitions = await _partitions(kafka, topic)
    consumer = AIOKafkaConsumer(
        **kafka.arguments(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=_WAIT_MS,
        check_crcs=check_crcs,
        isolation_level="read_committed" if committed else "read_uncommitted",
    )
    try:
        with kafka_failures():
            await consumer.start()
        yield LogReader(consumer, kafka, topic, partitions)
    finally:
        await consumer.stop()


async def _partitions(kafka: KafkaAccess, topic: str) -> list[int]:
    admin = AIOKafkaAdminClient(**kafka.arguments())
    try:
        await admin.start()
        (description,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    found = sorted(part["partition"] for part in description["partitions"])
    if not found:
        raise LookupError(f"the broker has no topic {topic}")
    return found


async def first_offset_from(kafka: KafkaAccess, topic: str, partition: int, offset: int) -> int | None:
    """The offset of the first record at or after this one that the broker has. Raises Transient."""
    async with open_log(kafka, topic) as log:
        await log.go_to(partition, offset)
        found = await log.read(await log.end(partition), most=1)
    return found[0].offset if found else None
