"""Raw records from the broker, in the order of each partition, none skipped unseen.

The Kafka client moves its positions while it hands records out, and a fetch that fails drops records whose
positions have moved. So this side keeps a position of its own, behind the last applied record of each
partition: after a failed fetch every partition is sought back to it, and a record that does not follow it
directly is accepted only after the broker has confirmed that it has none in between (transaction markers,
aborted transactions, compaction, retention).
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
"""Of the records taken at once; the last partition may exceed it by what one answer of the broker holds."""
ATTEMPTS: Final = 3
"""A place that cannot be read this many times is given up."""

Found = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class WorkerFailed(Exception):
    """The worker cannot go on. Of an unknown failure it names the type only: messages may quote the data they
    choke on."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where batches come from."""

    kafka: KafkaAccess
    topic: str
    group: str
    max_records: int = 2000
    watchdog_seconds: float = 60.0
    large_bytes: int | None = None
    """Other partitions do not wait for a record of this size; None where effects must be in one order."""


class Intake:
    """The records of the partitions that are assigned to a consumer."""

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
        """The running consumer. Raises RuntimeError before there is one."""
        if self._consumer is None:
            raise RuntimeError("the worker is not running")
        return self._consumer

    def attach(self, consumer: AIOKafkaConsumer | None) -> None:
        """Set the consumer to read with."""
        self._consumer = consumer

    def hold(self, assigned: Collection[TopicPartition]) -> None:
        """Take no records from these partitions until their positions are known."""
        self.consumer.pause(*assigned)
        for place in assigned:
            self._next.pop(place, None)
            self._failures.pop(place, None)
            self._unlearned.discard(place)

    def trust_broker(self, assigned: Collection[TopicPartition]) -> None:
        """Continue at the positions the broker keeps, as soon as they are known."""
        self._unlearned.update(assigned)

    async def seek(self, assigned: Collection[TopicPartition], stored: Mapping[int, int]) -> None:
        """Continue at stored positions, and at the beginning where there is none. Raises Transient."""
        with kafka_failures():
            for place in assigned:
                if place.partition in stored:
                    self.consumer.seek(place, stored[place.partition])
                else:
                    await self.consumer.seek_to_beginning(place)
                self._next[place] = await self.consumer.position(place)
        self.consumer.resume(*assigned)

    async def fetch(self) -> Found:
        """The next records; none when none arrived within a moment. Raises Transient, or WorkerFailed when a
        place cannot be read."""
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
        """Read no more of a partition while its last records, of so many bytes, are worked on."""
        self._aside[place] = held_bytes

    def take_back(self, place: TopicPartition) -> None:
        """Read a partition again that was set aside."""
        self._aside.pop(place, None)

    async def complete(self, found: Found) -> list[ConsumerRecord]:
        """The records found, after the broker has confirmed that it has none between them, which costs
        nothing where offsets are contiguous. Raises Transient, with all partitions sought back, when records
        were skipped or the broker does not answer."""
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
        """Records were brought to their end."""
        for record in records:
            place = place_of(record)
            if place in self._next:
                self._next[place] = record.offset + 1
                self._failures.pop(place, None)

    async def pass_markers(self) -> dict[TopicPartition, int]:
        """Move behind offsets at the end of partitions that hold no record, such as transaction markers; the
        new positions. Call it when nothing was found. Raises Transient."""
        moved: dict[TopicPartition, int] = {}
        for place in self._readable():
            position = await self._position(place)
            if position is not None and position > self._next[place]:
                if await self._offsets(place, self._next[place], position):
                    self._skipped(place, self._next[place])
                moved[place] = self._next[place] = position
        return moved

    async def waiting(self) -> str | None:
        """Where records wait that have not been applied, as an independent reader of the broker sees it; None
        when none wait. Raises Transient when the broker does not answer."""
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
        """Seek every partition that is not aside back to its last applied record."""
        for place in self._readable():
            self.consumer.seek(place, self._next[place])

    async def _learn_positions(self) -> None:
        """Positions the broker keeps, for partitions that are held until they are known."""
        for place in self._unlearned & self.consumer.assignment():
            position = await self._position(place)
            if position is not None:
                self._next[place] = position
                self._unlearned.discard(place)
                self.consumer.resume(place)

    async def _position(self, place: TopicPartition) -> int | None:
        """The consumer's position; None when the partition is no longer assigned."""
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                return int(await self.consumer.position(place))
        except IllegalStateError:
            return None
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error

    def _in_turn(self) -> list[TopicPartition]:
        """The partitions, each first in its turn; those that could not be read come last."""
        places = sorted(self._readable())
        self._turn += 1
        start = self._turn % len(places) if places else 0
        return sorted([*places[start:], *places[:start]], key=lambda place: place in self._failures)

    def _readable(self) -> list[TopicPartition]:
        """The partitions whose position is known, but for those set aside: what was read of these last is
        not applied yet."""
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
        """Raises what ends the worker."""
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
        """The offsets of the records the broker has in a range. What its retention took before it was applied
        is lost, and logged."""
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
        """A reader of the topic that shares nothing with the consumer."""
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                async with open_log(self._source.kafka, self._source.topic) as log:
                    yield log
        except (TimeoutError, LookupError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        except CorruptLog as error:
            raise Transient(f"kafka: {error}") from error


def place_of(record: ConsumerRecord) -> TopicPartition:
    """Where a record lies."""
    return TopicPartition(record.topic, record.partition)


def size(record: ConsumerRecord) -> int:
    """About how many bytes of memory a record takes."""
    return len(record.key or b"") + len(record.value or b"") + HEADER_BYTES * len(record.headers)
