"""Appending to a topic: idempotent, acknowledged by all replicas, whole batches per partition."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.envelope import CONTENT_TYPE
from schemas.errors import Transient
from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from services.runtime.http.request_context import shared_task
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.producers import close_producer, open_producer

BATCH_BYTES: Final = 1 << 20
RECORD_OVERHEAD_BYTES: Final = 128
"""More than what a record has besides its key and value: header, lengths, its share of the batch's head."""
DELIVERY_TIMEOUT_SECONDS: Final = 30
CLOSE_SECONDS: Final = 5
DEAD_LETTER_TYPE: Final = "application/json"
Append = tuple[Sequence[Record], asyncio.Future[Position]]


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, librdkafka's `consistent`. Changing it would tear people's histories
    apart."""
    return crc32(key) % partitions


class EventLog:
    """A producer of one topic; after a failure a new one, because an idempotent producer that has failed once
    stays out of sequence."""

    def __init__(
        self, kafka: KafkaAccess, topic: str, producer: AIOKafkaProducer, partitions: int, content_type: str
    ) -> None:
        self._kafka, self._topic, self.partitions = kafka, topic, partitions
        self._producer = producer
        self._headers = [("content-type", content_type.encode())]
        self._renewal = asyncio.Lock()
        self._waiting: defaultdict[int, deque[Append]] = defaultdict(deque)
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    @classmethod
    async def open(cls, kafka: KafkaAccess, topic: str, content_type: str = CONTENT_TYPE) -> "EventLog":
        """Connects and learns the partition count. Raises Transient when no broker answers or the topic is
        missing."""
        producer, partitions = await _producer(kafka, topic)
        return cls(kafka, topic, producer, partitions, content_type)

    async def close(self) -> None:
        """Sends what is buffered and disconnects; what a broker does not take in time is dropped."""
        self._closed = True
        await close_producer(self._producer, CLOSE_SECONDS)

    def append(self, records: Sequence[Record]) -> asyncio.Future[Position]:
        """Appends records of one key, all or none and next to each other; the future has the position of the
        last one, or Transient when the outcome is unknown. It goes on whether or not somebody waits.

        Raises ValueError when they do not fit one batch.
        """
        if any(record.key != records[0].key for record in records):
            raise ValueError("one append is for one key")
        if len(records) > 1 and _size(records) > BATCH_BYTES:
            raise ValueError("the events of one command are too large for one batch")
        partition = partition_of(records[0].key, self.partitions)
        appended = asyncio.get_running_loop().create_future()
        self._waiting[partition].append((records, appended))
        if partition not in self._sending:
            self._sending[partition] = shared_task(self._send(partition))
        return appended

    async def _send(self, partition: int) -> None:
        """What came while a batch was under way goes together in the next."""
        waiting = self._waiting[partition]
        try:
            while waiting:
                await self._send_together(partition, _taken(waiting))
        finally:
            del self._sending[partition]

    async def _send_together(self, partition: int, appends: Sequence[Append]) -> None:
        producer = self._producer
        batch = producer.create_batch()
        for records, _ in appends:
            for record in records:
                self._fits(batch, record, None)
        try:
            written = await (await producer.send_batch(batch, self._topic, partition=partition))
        except (KafkaError, OSError) as error:
            failure: Exception = await self._failed(producer, error)
        except Exception as error:  # nobody may wait for ever; each who waits gets it
            failure = error
        else:
            offset = written.offset
            for records, appended in appends:
                offset += len(records)
                if not appended.done():
                    appended.set_result(Position(partition, offset - 1))
            return
        for _, appended in appends:
            if not appended.done():
                appended.set_exception(failure)

    async def append_many(self, records: Iterable[Record]) -> None:
        """Appends records of any keys, in order per key; returns when all replicas have all of them. Raises
        Transient."""
        by_partition: defaultdict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[partition_of(record.key, self.partitions)].append(record)
        producer = self._producer
        try:
            await asyncio.gather(*(self._append_in_order(producer, *item) for item in by_partition.items()))
        except (KafkaError, OSError) as error:
            raise await self._failed(producer, error) from error

    async def _append_in_order(
        self, producer: AIOKafkaProducer, partition: int, records: Sequence[Record]
    ) -> None:
        sent = []
        batch, now = producer.create_batch(), int(time.time() * 1000)
        for record in records:
            if not self._fits(batch, record, now):
                sent.append(await producer.send_batch(batch, self._topic, partition=partition))
                batch = producer.create_batch()
                self._fits(batch, record, now)
        sent.append(await producer.send_batch(batch, self._topic, partition=partition))
        await asyncio.gather(*sent)

    def _fits(self, batch: BatchBuilder, record: Record, timestamp: int | None) -> bool:
        """Puts a record into a batch if there is room; the first one always fits."""
        added = batch.append(key=record.key, value=record.value, timestamp=timestamp, headers=self._headers)
        return added is not None

    async def _failed(self, producer: AIOKafkaProducer, error: Exception) -> Transient:
        """What to raise, after the producer that failed was replaced if a broker can be had."""
        async with self._renewal:
            if producer is self._producer and not self._closed:
                try:
                    self._producer, _ = await _producer(self._kafka, self._topic)
                except Transient as still:
                    return still
                await close_producer(producer, CLOSE_SECONDS)
        return Transient(f"kafka: {type(error).__name__}")


def _taken(waiting: deque[Append]) -> list[Append]:
    """From the front, as many as fit one batch; always one."""
    taken, room = [waiting.popleft()], BATCH_BYTES
    room -= _size(taken[0][0])
    while waiting and (size := _size(waiting[0][0])) <= room:
        taken.append(waiting.popleft())
        room -= size
    return taken


def _size(records: Sequence[Record]) -> int:
    """Bytes of a batch that these records take at most."""
    return sum(len(record.key) + len(record.value) + RECORD_OVERHEAD_BYTES for record in records)


async def _producer(kafka: KafkaAccess, topic: str) -> tuple[AIOKafkaProducer, int]:
    return await open_producer(kafka, topic, DELIVERY_TIMEOUT_SECONDS, BATCH_BYTES)
