"""Reads a topic outside of consumer groups, without committing offsets."""

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
    """The offset and the value of a record; the value of a tombstone is None."""

    offset: int
    value: bytes | None


class CorruptLog(Exception):
    """Records at or soon after an offset do not have the bytes that were written."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the records from offset {offset} on are damaged")
        self.offset = offset


class LogReader:
    """Reads one topic, one partition at a time (`go_to`) or all together (`follow`).

    The methods that ask for offsets do not move the read position. All methods raise Transient when the
    broker does not answer.
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
        """Return the oldest offset that the broker retains in the partition."""
        return (await self.begins([partition]))[partition]

    async def begins(self, partitions: list[int] | None = None) -> dict[int, int]:
        """Return the oldest retained offset of each of these partitions, of all partitions if None."""
        places = self._places(partitions)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.beginning_offsets(places)
        return {place.partition: offset for place, offset in found.items()}

    async def end(self, partition: int) -> int:
        """Return the offset that the partition's next record will have."""
        return (await self.ends([partition]))[partition]

    async def ends(self, partitions: list[int] | None = None) -> dict[int, int]:
        """Return, for each of these partitions, the offset that its next record will have; for all partitions
        if None."""
        places = self._places(partitions)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumer.end_offsets(places)
        return {place.partition: offset for place, offset in found.items()}

    async def last(self, partition: int) -> Position:
        """Return the position of the partition's newest record; its offset is -1 if the partition never had a
        record."""
        return Position(partition, await self.end(partition) - 1)

    async def offset_at(self, partition: int, milliseconds: int) -> int:
        """Return the offset of the first record whose timestamp is at or after `milliseconds` since 1970, or
        the end of the partition if there is no such record."""
        place = TopicPartition(self.topic, partition)
        with kafka_failures():
            async with asyncio.timeout(ANSWER_SECONDS):
                found = (await self._consumer.offsets_for_times({place: milliseconds}))[place]
        return await self.end(partition) if found is None else int(found.offset)

    async def go_to(self, partition: int, offset: int | None = None) -> None:
        """Set the read position to this offset, or to the oldest retained record if `offset` is None."""
        self._place, self._next = TopicPartition(self.topic, partition), offset
        with kafka_failures():
            self._consumer.assign([self._place])
            if offset is None:
                await self._consumer.seek_to_beginning(self._place)
            else:
                self._consumer.seek(self._place, offset)

    async def read(self, end: int, most: int = CHUNK_RECORDS) -> list[LogRecord]:
        """Return the next records as `records` does, with their offsets and values only."""
        return [LogRecord(record.offset, record.value) for record in await self.records(end, most)]

    async def records(self, end: int, most: int = CHUNK_RECORDS) -> list[ConsumerRecord]:
        """Return the next records below offset `end`, at most `most`; an empty list at the end. Raises
        CorruptLog."""
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
        """Return the record at a position, or None if the broker does not have it. Raises CorruptLog."""
        await self.go_to(position.partition, position.offset)
        found = await self.records(position.offset + 1, most=1)
        return found[0] if found else None

    async def follow(
        self, starts: Mapping[int, int], ends: Mapping[int, int] | None = None
    ) -> AsyncIterator[ConsumerRecord]:
        """Yield the records of all partitions from the offsets `starts` on, ordered by timestamp within each
        fetch.

        Stops at the offsets `ends`; if `ends` is None, waits for new records indefinitely.
        """
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
    """Open a reader of the topic and close it after the block.

    If `committed`, the reader skips records of uncommitted transactions, as all workers do, and ends before
    them. If `check_crcs` is False, it returns damaged records as well. `fetch_bytes` limits one fetch from a
    partition. Raises Transient when the broker does not answer, LookupError when it has no such topic.
    """
    partitions = await partitions_of(kafka, topic)
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


async def partitions_of(kafka: KafkaAccess, topic: str) -> list[int]:
    """The numbers of a topic's partitions. Raises Transient when the broker does not answer, LookupError when
    it has no such topic."""
    with kafka_failures():
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
    """Return the offset of the first record at or after this offset, None if there is none. Raises
    Transient."""
    async with open_log(kafka, topic) as log:
        await log.go_to(partition, offset)
        found = await log.read(await log.end(partition), most=1)
    return found[0].offset if found else None
