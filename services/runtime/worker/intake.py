"""Reads records from the broker, in order within each partition, and detects skipped records.

The Kafka client advances its positions while it returns records, and a failed fetch drops records whose
positions have advanced. The intake therefore keeps its own position after the last applied record of each
partition. After a failed fetch it seeks every partition back to that position. It accepts a record after a
gap in the offsets only when the broker confirms that the gap has no records (transaction markers, aborted
transactions, compaction, retention).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, IllegalStateError, KafkaError

from schemas.errors import Transient
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.decompression import HEADER_BYTES
from services.runtime.kafka.failures import kafka_failures
from services.runtime.kafka.log_reader import CorruptLog, LogReader, open_log

_log = structlog.get_logger()

POLL_SECONDS: Final = 0.005
BROKER_SECONDS: Final = 10.0
MOST_BYTES: Final = 32 << 20
"""Limit for the records of one fetch. The last partition may exceed it by one response of the broker."""
ATTEMPTS: Final = 3
"""The worker fails after this many unsuccessful reads at one offset."""

Found = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class WorkerFailed(Exception):
    """The worker cannot continue. The text names only the type of an unknown error, because its message may
    contain personal data."""


@dataclass(frozen=True, slots=True)
class Source:
    """The topic that a worker reads, and its limits."""

    kafka: KafkaAccess
    topic: str
    group: str
    max_records: int = 2000
    watchdog_seconds: float = 60.0
    large_bytes: int | None = None
    """Other partitions do not wait for records of at least this size; None if batches must be applied in
    order."""


class Intake:
    """Reads the records of the partitions that are assigned to a consumer."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._unlearned: set[TopicPartition] = set()
        self._failures: Counter[TopicPartition] = Counter()
        self._aside: dict[TopicPartition, int] = {}
        self._turn = 0

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The running Kafka consumer. Raises RuntimeError if the worker is not running."""
        if self._consumer is None:
            raise RuntimeError("the worker is not running")
        return self._consumer

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The offset after the last applied record of each assigned partition whose position is known."""
        return dict(self._next)

    def attach(self, consumer: AIOKafkaConsumer | None) -> None:
        """Set the Kafka consumer to read with."""
        self._consumer = consumer

    def hold(self, assigned: Collection[TopicPartition]) -> None:
        """Pause these partitions until their positions are known."""
        self.consumer.pause(*assigned)
        for place in assigned:
            self._next.pop(place, None)
            self._failures.pop(place, None)
            self._unlearned.discard(place)

    def trust_broker(self, assigned: Collection[TopicPartition]) -> None:
        """Continue at the positions that Kafka stores, as soon as they are known."""
        self._unlearned.update(assigned)

    async def seek(self, assigned: Collection[TopicPartition], stored: Mapping[int, int]) -> None:
        """Continue at the stored positions, or at the beginning of a partition without one. Raises
        Transient."""
        with kafka_failures():
            for place in assigned:
                if place.partition in stored:
                    self.consumer.seek(place, stored[place.partition])
                else:
                    await self.consumer.seek_to_beginning(place)
                self._next[place] = await self.consumer.position(place)
        self.consumer.resume(*assigned)

    async def fetch(self) -> Found:
        """Return the next records, empty if none arrive within a few milliseconds. Raises Transient, or
        WorkerFailed when a partition repeatedly cannot be read."""
        await self._learn_positions()
        found: dict[TopicPartition, Sequence[ConsumerRecord]] = {}
        room, space = self._source.max_records, MOST_BYTES - sum(self._aside.values())
        for place in self._in_turn():
            if room <= 0 or space <= 0 or (found and place in self._failures):
                break
            records = await self._read(place, room)
            if records:
                found[place] = records
                room -= len(records)
                space -= sum(map(size, records))
        if not found:
            await asyncio.sleep(POLL_SECONDS)
        return found

    def set_aside(self, place: TopicPartition, held_bytes: int) -> None:
        """Stop reading a partition while its last records, `held_bytes` in total, are being applied."""
        self._aside[place] = held_bytes

    def take_back(self, place: TopicPartition) -> None:
        """Resume reading a partition that was set aside."""
        self._aside.pop(place, None)

    async def complete(self, found: Found) -> list[ConsumerRecord]:
        """Return the records found, after verifying that none is missing between them.

        Only gaps in the offsets cost a request to the broker. When records were skipped or the broker does
        not answer, seeks all partitions back and raises Transient.
        """
        records: list[ConsumerRecord] = []
        try:
            for place, part in found.items():
                if place in self._next:
                    await self._account_for(place, part)
                    records += part
        except Transient:
            self.rewind()
            raise
        return records

    async def _account_for(self, place: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        expected, first, last = self._next[place], records[0].offset, records[-1].offset
        if first == expected and last - first + 1 == len(records):
            return
        start = min(first, expected)
        if not await self._offsets(place, start, last + 1) <= {record.offset for record in records}:
            self._skipped(place, start)
        _log.info(
            "log_skips_offsets", topic=place.topic, partition=place.partition, expected=expected,
            found=first, last=last, records=len(records),
        )  # fmt: skip

    def applied(self, records: Sequence[ConsumerRecord]) -> None:
        """Advance the positions after these records, which were applied or quarantined."""
        for record in records:
            place = place_of(record)
            if place in self._next:
                self._next[place] = record.offset + 1
                self._failures.pop(place, None)

    async def pass_markers(self) -> dict[TopicPartition, int]:
        """Advance past offsets without records at the ends of partitions, such as transaction markers, and
        return the new positions.

        Call it when `fetch` found nothing. Raises Transient.
        """
        moved: dict[TopicPartition, int] = {}
        for place in self._readable():
            position = await self._position(place)
            if position is not None and position > self._next[place]:
                if await self._offsets(place, self._next[place], position):
                    self._skipped(place, self._next[place])
                moved[place] = self._next[place] = position
        return moved

    async def waiting(self) -> str | None:
        """Return where unapplied records wait, according to a second, independent Kafka consumer; None if
        there are none. Raises Transient when the broker does not answer."""
        async with self._reader() as log:
            for place in sorted(self._consumer.assignment() if self._consumer else ()):
                offset, end = self._next.get(place), await log.end(place.partition)
                if offset is None and end > 0:
                    return f"{place.topic}/{place.partition}, whose position has not been read yet"
                if offset is not None and end > offset:
                    await log.go_to(place.partition, offset)
                    if found := await log.read(end, most=1):
                        return f"{place.topic}/{place.partition} from offset {found[0].offset}"
        return None

    def rewind(self) -> None:
        """Seek every partition that is not set aside back to the end of its applied records."""
        for place in self._readable():
            self.consumer.seek(place, self._next[place])

    async def _learn_positions(self) -> None:
        """Resume partitions that wait for the positions stored by Kafka, once these are known."""
        for place in self._unlearned & self.consumer.assignment():
            position = await self._position(place)
            if position is not None:
                self._next[place] = position
                self._unlearned.discard(place)
                self.consumer.resume(place)

    async def _position(self, place: TopicPartition) -> int | None:
        """Return the Kafka consumer's position; None if the partition is no longer assigned."""
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                return int(await self.consumer.position(place))
        except IllegalStateError:
            return None
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error

    def _in_turn(self) -> list[TopicPartition]:
        """Return the partitions, starting at a different one each time; those that failed to be read come
        last."""
        places = sorted(self._readable())
        self._turn += 1
        start = self._turn % len(places) if places else 0
        return sorted([*places[start:], *places[:start]], key=lambda place: place in self._failures)

    def _readable(self) -> list[TopicPartition]:
        """Return the partitions whose position is known and that are not set aside."""
        return [
            place for place in self.consumer.assignment() if place in self._next and place not in self._aside
        ]

    async def _read(self, place: TopicPartition, room: int) -> Sequence[ConsumerRecord]:
        try:
            found = await self.consumer.getmany(place, max_records=room)
        except ConsumerStoppedError:
            raise
        except IllegalStateError:
            return ()
        except Exception as error:
            self.rewind()
            self._judge(place, error)
            raise Transient(f"kafka: {type(error).__name__}") from error
        records: Sequence[ConsumerRecord] = found.get(place, ())
        return records

    def _judge(self, place: TopicPartition, error: Exception) -> None:
        """Count a failed read, unless the error is retriable, and raise WorkerFailed after ATTEMPTS."""
        if (
            isinstance(error, KafkaError)
            and error.retriable
            and not isinstance(error, CorruptRecordException)
        ):
            return
        self._failures[place] += 1
        _log.warning(
            "fetch_failed", topic=place.topic, partition=place.partition, offset=self._next.get(place),
            error=type(error).__name__,
        )  # fmt: skip
        if self._failures[place] >= ATTEMPTS:
            raise WorkerFailed(
                f"{place.topic}/{place.partition} cannot be read from offset {self._next.get(place)} on: "
                f"{type(error).__name__}"
            ) from error

    def _skipped(self, place: TopicPartition, offset: int) -> None:
        self.rewind()
        self._failures[place] += 1
        if self._failures[place] >= ATTEMPTS:
            raise WorkerFailed(
                f"the Kafka client skips records of {place.topic}/{place.partition} from offset {offset} on"
            )
        raise Transient("kafka: records were skipped")

    async def _offsets(self, place: TopicPartition, start: int, end: int) -> set[int]:
        """Return the offsets of the broker's records in a range. Logs an error if retention deleted records
        that were not applied."""
        found: set[int] = set()
        async with self._reader() as log:
            begin = await log.begin(place.partition)
            if begin > start:
                _log.error(
                    "records_expired", topic=place.topic, partition=place.partition, offset=start, until=begin
                )
            await log.go_to(place.partition, start)
            while records := await log.read(end):
                found |= {record.offset for record in records}
        return {offset for offset in found if offset >= start}

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[LogReader]:
        """Open a reader of the topic that is independent of the Kafka consumer."""
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                async with open_log(self._source.kafka, self._source.topic) as log:
                    yield log
        except (TimeoutError, LookupError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        except CorruptLog as error:
            raise Transient(f"kafka: {error}") from error


def place_of(record: ConsumerRecord) -> TopicPartition:
    """Return the topic and partition of a record."""
    return TopicPartition(record.topic, record.partition)


def size(record: ConsumerRecord) -> int:
    """Return the approximate size of a record in memory, in bytes."""
    return len(record.key or b"") + len(record.value or b"") + HEADER_BYTES * len(record.headers)
