"""Appending to a topic: group commit per partition over one idempotent producer.

While a batch of a partition is on its way, whatever else comes in for that partition gathers and goes out as
the next one: the more there is to do, the fewer requests the broker gets. A record counts as written when
all replicas have it. After a failure the producer is replaced, because an idempotent producer that has failed
once stays out of sequence.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.envelope import CONTENT_TYPE
from schemas.errors import Transient
from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from services.runtime.background import Background
from services.runtime.fairness.current_request import shared_task
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.producers import BATCH_BYTES, close_producer, open_producer
from services.runtime.metrics.catalogue import APPEND_SECONDS
from services.runtime.metrics.meters import observe

RECORD_OVERHEAD_BYTES: Final = 128
"""More than what a record has besides its key and value: header, lengths, its share of the batch's head."""
DELIVERY_TIMEOUT_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
DEAD_LETTER_TYPE: Final = "application/json"
_log = structlog.get_logger()

Headers = Sequence[tuple[str, bytes]]
Entry = tuple[bytes, bytes, Headers]
"""Key, value and headers of a record."""


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, librdkafka's `consistent`. Changing it would tear people's histories
    apart."""
    return crc32(key) % partitions


@dataclass(eq=False, slots=True)
class _Parcel:
    """Records that were appended together to one partition, and where the last one of them came to stand.

    `entries` are those not in a batch yet. Records of a parcel that is `whole` go into one batch, and take
    `size` bytes of it at most. A parcel whose `written` is done is sent no further.
    """

    entries: deque[Entry]
    written: asyncio.Future[Position]
    whole: bool
    size: int

    def succeed(self, last: Position) -> None:
        """A batch that ends this far with the parcel's records is written."""
        if not self.entries and not self.written.done():
            self.written.set_result(last)

    def fail(self, error: Exception) -> None:
        """Nothing more is sent of the parcel."""
        self.entries.clear()
        if not self.written.done():
            self.written.set_exception(error)


class LogWriter:
    """Appends to one topic. After a failure it connects again, at the latest for the next append."""

    def __init__(
        self,
        kafka: KafkaAccess,
        topic: str,
        content_type: str = CONTENT_TYPE,
        timeout_seconds: float = DELIVERY_TIMEOUT_SECONDS,
    ) -> None:
        """`content_type` is that of records appended without headers; `timeout_seconds` limits a request to
        the broker."""
        self._kafka, self._topic, self._timeout = kafka, topic, timeout_seconds
        self._headers: Headers = [("content-type", content_type.encode())]
        self.partitions = 0
        """Of the topic; 0 until the writer was connected for the first time."""
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._queues: defaultdict[int, deque[_Parcel]] = defaultdict(deque)
        self._pumps: dict[int, asyncio.Task[None]] = {}
        self._sent_at: dict[int, float] = {}
        self._closing = Background()
        self._closed = False

    @classmethod
    async def open(cls, kafka: KafkaAccess, topic: str, content_type: str = CONTENT_TYPE) -> "LogWriter":
        """A connected writer. Raises Transient when no broker answers or the topic is missing."""
        writer = cls(kafka, topic, content_type)
        await writer.connect()
        return writer

    @property
    def is_connected(self) -> bool:
        """Whether there is a producer that has not failed."""
        return self._producer is not None

    def waited_seconds(self) -> float:
        """For how long the oldest batch on its way has waited for the broker; 0.0 when there is none."""
        now = time.monotonic()
        return now - min(self._sent_at.values(), default=now)

    async def connect(self) -> AIOKafkaProducer:
        """Connect unless connected. Raises Transient when no broker answers, the topic is missing or the
        writer is closed."""
        async with self._connecting:
            if self._closed:
                raise Transient("kafka: closed")
            if self._producer is None:
                self._producer, self.partitions = await open_producer(self._kafka, self._topic, self._timeout)
            return self._producer

    async def disconnect(self) -> None:
        """Give up a connection that no longer works: what is on its way fails."""
        self._give_up(self._producer)
        await self._closing.drain()

    async def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Send what was appended and disconnect; what the broker does not take in time is dropped."""
        self._closed, ends = True, time.monotonic() + timeout_seconds
        if self._pumps:
            await asyncio.wait(self._pumps.values(), timeout=timeout_seconds)
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, max(0.0, ends - time.monotonic()))
        for pump in (pumps := list(self._pumps.values())):
            pump.cancel()
        if pumps:
            await asyncio.wait(pumps)
        await self._closing.drain()

    def append(self, records: Sequence[Record]) -> asyncio.Future[Position]:
        """Append records of one key, all or none and next to each other. The future has the position of the
        last one.

        It fails with Transient when the outcome is unknown. The append continues even if no task awaits the
        future; cancelling the future drops records that were not sent. Raises ValueError when the records do
        not fit into one batch.
        """
        if any(record.key != records[0].key for record in records):
            raise ValueError("one append is for one key")
        size = sum(len(record.key) + len(record.value) + RECORD_OVERHEAD_BYTES for record in records)
        if len(records) > 1 and size > BATCH_BYTES:
            raise ValueError("the events of one command are too large for one batch")
        partition = partition_of(records[0].key, self.partitions)
        return self._enqueue(partition, deque(map(self._entry, records)), size, whole=True)

    async def append_many(self, records: Iterable[Record]) -> None:
        """Append records of any keys, in order per key; returns when all replicas have all of them. Raises
        Transient when that is not known of every record."""
        parts = self.append_each(map(self._entry, records))
        await asyncio.gather(*(written for _, written in parts))

    def append_each(self, entries: Iterable[Entry]) -> list[tuple[list[int], asyncio.Future[Position]]]:
        """Append records of any keys, in order per key, those of each partition by themselves.

        For each partition the indexes of its records, and a future that is done when all replicas have all of
        them; it fails with Transient when some may be missing. Cancelling it drops what was not sent.
        """
        parts: defaultdict[int, tuple[list[int], deque[Entry]]] = defaultdict(lambda: ([], deque()))
        for index, entry in enumerate(entries):
            indexes, queue = parts[partition_of(entry[0], self.partitions)]
            indexes.append(index)
            queue.append(entry)
        return [
            (indexes, self._enqueue(partition, queue, 0, whole=False))
            for partition, (indexes, queue) in parts.items()
        ]

    def _entry(self, record: Record) -> Entry:
        return record.key, record.value, self._headers

    def _enqueue(
        self, partition: int, entries: deque[Entry], size: int, *, whole: bool
    ) -> asyncio.Future[Position]:
        written: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self._queues[partition].append(_Parcel(entries, written, whole, size))
        if partition not in self._pumps:
            self._pumps[partition] = shared_task(self._pump(partition))
        return written

    async def _pump(self, partition: int) -> None:
        """Sends a partition's queue, batch after batch, until it is empty."""
        queue = self._queues[partition]
        try:
            while queue:
                await self._send_batch(partition, queue)
        finally:
            del self._pumps[partition]
            _fail_all(queue, Transient("kafka: closed"))
            queue.clear()

    async def _send_batch(self, partition: int, queue: deque[_Parcel]) -> None:
        try:
            producer = self._producer or await self.connect()
        except Transient as error:
            _fail_all(queue, error)
            queue.clear()
            return
        filled: list[tuple[_Parcel, int]] = []
        try:
            batch = producer.create_batch()
            _fill(batch, queue, filled)
            if filled:
                self._sent_at[partition] = sent_at = time.monotonic()
                written = await (await producer.send_batch(batch, self._topic, partition=partition))
                observe(APPEND_SECONDS, time.monotonic() - sent_at, self._topic, "written")
                for parcel, last in filled:
                    parcel.succeed(Position(partition, written.offset + last))
        except (KafkaError, OSError) as error:
            _fail_all([parcel for parcel, _ in filled], Transient(f"kafka: {type(error).__name__}"))
            await self._replace(producer, error, partition)
        except Exception as error:  # every waiting caller must learn of any failure
            _fail_all([*(parcel for parcel, _ in filled), *queue], error)
            await self._replace(producer, error, partition)
        finally:
            self._sent_at.pop(partition, None)

    async def _replace(self, producer: AIOKafkaProducer, error: Exception, partition: int) -> None:
        if (sent_at := self._sent_at.get(partition)) is not None:
            observe(APPEND_SECONDS, time.monotonic() - sent_at, self._topic, "failed")
        _log.warning("batch_not_written", topic=self._topic, error=type(error).__name__)
        self._give_up(producer)
        with suppress(Transient):
            await self.connect()

    def _give_up(self, producer: AIOKafkaProducer | None) -> None:
        """Use a producer no longer, and let it end what other partitions have on their way."""
        if producer is not None and producer is self._producer:
            self._producer = None
            self._closing.start(close_producer(producer, min(CLOSE_SECONDS, self._timeout)))


def _fill(batch: BatchBuilder, queue: deque[_Parcel], filled: list[tuple[_Parcel, int]]) -> None:
    """Move records from the queue into the batch until it is full. `filled` gets the parcels with records in
    it, each with the index of its last one there."""
    now = int(time.time() * 1000)
    while queue:
        parcel = queue[0]
        if parcel.written.done():
            queue.popleft()
            continue
        if parcel.whole and filled and batch.size() + parcel.size > BATCH_BYTES:
            return
        before = batch.record_count()
        _move(parcel.entries, batch, now)
        if batch.record_count() > before:
            filled.append((parcel, batch.record_count() - 1))
        if parcel.entries:
            return
        queue.popleft()


def _move(entries: deque[Entry], batch: BatchBuilder, now: int) -> None:
    """Move records into the batch as long as there is room; the first one of a batch always fits."""
    while entries:
        key, value, headers = entries[0]
        if batch.append(timestamp=now, key=key, value=value, headers=headers) is None:
            return
        entries.popleft()


def _fail_all(parcels: Iterable[_Parcel], error: Exception) -> None:
    for parcel in parcels:
        parcel.fail(error)
