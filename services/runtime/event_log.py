"""Appending to a topic: idempotent, acknowledged by all replicas, whole batches per partition."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from schemas.mapper import Record
from schemas.positions import Position

BATCH_BYTES = 1 << 20
DELIVERY_TIMEOUT_SECONDS = 30


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, librdkafka's `consistent`. Changing it would tear people's histories
    apart."""
    return crc32(key) % partitions


class EventLog:
    """A producer of one topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._producer = producer
        self._topic = topic
        self.partitions = partitions

    @classmethod
    async def open(cls, bootstrap: str, topic: str) -> "EventLog":
        """Connects and learns the partition count. Raises Transient when no broker answers or the topic is
        missing."""
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=8 * BATCH_BYTES,
            request_timeout_ms=DELIVERY_TIMEOUT_SECONDS * 1000,
        )
        try:
            await producer.start()
            partitions = await asyncio.wait_for(producer.partitions_for(topic), DELIVERY_TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError, OSError) as error:
            await producer.stop()
            raise Transient(f"kafka: {type(error).__name__}") from error
        return cls(producer, topic, len(partitions))

    async def close(self) -> None:
        """Sends what is buffered and disconnects."""
        await self._producer.stop()

    async def append(self, records: Sequence[Record]) -> Position:
        """Appends records of one key in one atomic batch; the position of the last one.

        Raises Transient when the outcome is unknown, ValueError when they do not fit one batch.
        """
        partition = partition_of(records[0].key, self.partitions)
        if any(record.key != records[0].key for record in records):
            raise ValueError("one append is for one key")
        batch = self._producer.create_batch()
        for record in records:
            if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                raise ValueError("the events of one command are too large for one batch")
        try:
            sent = await self._producer.send_batch(batch, self._topic, partition=partition)
            written = await sent
        except (KafkaError, OSError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        return Position(partition, written.offset + len(records) - 1)

    async def append_many(self, records: Iterable[Record]) -> None:
        """Appends records of any keys, in order per key; returns when all replicas have all of them. Raises
        Transient."""
        by_partition: defaultdict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[partition_of(record.key, self.partitions)].append(record)
        try:
            await asyncio.gather(*(self._append_in_order(*item) for item in by_partition.items()))
        except (KafkaError, OSError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error

    async def _append_in_order(self, partition: int, records: Sequence[Record]) -> None:
        sent = []
        batch, now = self._producer.create_batch(), int(time.time() * 1000)
        for record in records:
            if batch.append(key=record.key, value=record.value, timestamp=now) is None:
                sent.append(await self._producer.send_batch(batch, self._topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(key=record.key, value=record.value, timestamp=now)
        sent.append(await self._producer.send_batch(batch, self._topic, partition=partition))
        await asyncio.gather(*sent)
