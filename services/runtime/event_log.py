"""Appending to a topic: idempotent, acknowledged by all replicas, whole batches per partition."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.envelope import CONTENT_TYPE
from schemas.errors import Transient
from schemas.mapper import Record
from schemas.positions import Position
from services.runtime.producers import close_producer, open_producer

BATCH_BYTES: Final = 1 << 20
DELIVERY_TIMEOUT_SECONDS: Final = 30
CLOSE_SECONDS: Final = 5
DEAD_LETTER_TYPE: Final = "application/json"


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, librdkafka's `consistent`. Changing it would tear people's histories
    apart."""
    return crc32(key) % partitions


class EventLog:
    """A producer of one topic; after a failure a new one, because an idempotent producer that has failed once
    stays out of sequence."""

    def __init__(
        self, bootstrap: str, topic: str, producer: AIOKafkaProducer, partitions: int, content_type: str
    ) -> None:
        self._bootstrap, self._topic, self.partitions = bootstrap, topic, partitions
        self._producer = producer
        self._headers = [("content-type", content_type.encode())]
        self._renewal = asyncio.Lock()

    @classmethod
    async def open(cls, bootstrap: str, topic: str, content_type: str = CONTENT_TYPE) -> "EventLog":
        """Connects and learns the partition count. Raises Transient when no broker answers or the topic is
        missing."""
        producer, partitions = await _producer(bootstrap, topic)
        return cls(bootstrap, topic, producer, partitions, content_type)

    async def close(self) -> None:
        """Sends what is buffered and disconnects; what a broker does not take in time is dropped."""
        await close_producer(self._producer, CLOSE_SECONDS)

    async def append(self, records: Sequence[Record]) -> Position:
        """Appends records of one key in one atomic batch; the position of the last one.

        Raises Transient when the outcome is unknown, ValueError when they do not fit one batch.
        """
        partition = partition_of(records[0].key, self.partitions)
        if any(record.key != records[0].key for record in records):
            raise ValueError("one append is for one key")
        producer = self._producer
        batch = producer.create_batch()
        if not all(self._fits(batch, record, None) for record in records):
            raise ValueError("the events of one command are too large for one batch")
        try:
            sent = await producer.send_batch(batch, self._topic, partition=partition)
            written = await sent
        except (KafkaError, OSError) as error:
            raise await self._failed(producer, error) from error
        return Position(partition, written.offset + len(records) - 1)

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
            if producer is self._producer:
                self._producer, _ = await _producer(self._bootstrap, self._topic)
                await close_producer(producer, CLOSE_SECONDS)
        return Transient(f"kafka: {type(error).__name__}")


async def _producer(bootstrap: str, topic: str) -> tuple[AIOKafkaProducer, int]:
    return await open_producer(bootstrap, topic, DELIVERY_TIMEOUT_SECONDS, BATCH_BYTES)
