"""Reads a topic as it lies on the broker, as nobody's consumer: in no group, committing nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CorruptRecordException, KafkaError

from schemas.errors import Transient
from services.runtime.kafka.access import KafkaAccess

CHUNK_RECORDS: Final = 5000
_FETCH_BYTES: Final = 8 * 1024 * 1024
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
    """One topic, read one partition after the other."""

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
        place = TopicPartition(self.topic, partition)
        return int((await self._consumer.beginning_offsets([place]))[place])

    async def end(self, partition: int) -> int:
        """The offset the next record will get."""
        place = TopicPartition(self.topic, partition)
        return int((await self._consumer.end_offsets([place]))[place])

    async def go_to(self, partition: int, offset: int | None = None) -> None:
        """Reads on from there; from the oldest record there is without an offset."""
        self._place, self._next = TopicPartition(self.topic, partition), offset
        self._consumer.assign([self._place])
        if offset is None:
            await self._consumer.seek_to_beginning(self._place)
        else:
            self._consumer.seek(self._place, offset)

    async def read(self, end: int, most: int = CHUNK_RECORDS) -> list[LogRecord]:
        """The next records below `end`, `most` at most; none when there are no more. Raises CorruptLog."""
        while await self._consumer.position(self._place) < end:
            try:
                found = await self._consumer.getmany(
                    self._place, timeout_ms=_POLL_MS, max_records=min(most, CHUNK_RECORDS)
                )
            except CorruptRecordException as error:
                raise CorruptLog(self._next or 0) from error
            chunk = [LogRecord(r.offset, r.value) for r in found.get(self._place, ()) if r.offset < end]
            if chunk:
                self._next = chunk[-1].offset + 1
                return chunk
        return []


@asynccontextmanager
async def open_log(kafka: KafkaAccess, topic: str, *, check_crcs: bool = True) -> AsyncIterator[LogReader]:
    """A reader of the topic, closed at the end; LookupError when the broker has no such topic.

    It leaves out what transactions have not committed, as every worker does. Without `check_crcs` it gives
    what lies on the broker, damaged or not.
    """
    partitions = await _partitions(kafka, topic)
    consumer = AIOKafkaConsumer(
        **kafka.arguments(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_WAIT_MS,
        check_crcs=check_crcs,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        yield LogReader(consumer, kafka, topic, partitions)
    finally:
        await consumer.stop()


async def _partitions(kafka: KafkaAccess, topic: str) -> list[int]:
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        (description,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    found = sorted(part["partition"] for part in description["partitions"])
    if not found:
        raise LookupError(f"the broker has no topic {topic}")
    return found


async def first_offset_from(kafka: KafkaAccess, topic: str, partition: int, offset: int) -> int | None:
    """The offset of the first record at or after this one that the broker has. Raises Transient."""
    try:
        async with open_log(kafka, topic) as log:
            await log.go_to(partition, offset)
            found = await log.read(await log.end(partition), most=1)
    except (KafkaError, OSError) as error:
        raise Transient(f"kafka: {type(error).__name__}") from error
    return found[0].offset if found else None
