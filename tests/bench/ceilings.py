"""The limits of the machine: aiokafka and asyncpg only move records and rows of equal sizes."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.runtime.kafka.access import KafkaAccess

PARTITIONS = 12
ROWS_PER_STATEMENT = 2000

Row = tuple[Any, ...]


async def produce(kafka: KafkaAccess, topic: str, values: Sequence[bytes]) -> float:
    """Records per second from one idempotent producer with acks=all, over all partitions."""
    await _create(kafka, topic)
    producer = AIOKafkaProducer(
        **kafka.arguments(), acks="all", enable_idempotence=True, max_batch_size=262_144, linger_ms=5
    )
    await producer.start()
    try:
        for number in range(PARTITIONS):
            await producer.send_and_wait(topic, values[0], partition=number)
        started = time.perf_counter()
        for value in values:
            await producer.send(topic, value, partition=crc32(value) % PARTITIONS)
        await producer.flush()
        return len(values) / (time.perf_counter() - started)
    finally:
        await producer.stop()


async def consume(kafka: KafkaAccess, topic: str, count: int) -> float:
    """Records per second into one consumer that drops them."""
    consumer = AIOKafkaConsumer(**kafka.arguments(), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        started, seen = time.perf_counter(), 0
        while seen < count:
            found = await consumer.getmany(timeout_ms=1000, max_records=5000)
            seen += sum(map(len, found.values()))
        return seen / (time.perf_counter() - started)
    finally:
        await consumer.stop()


async def upsert(
    connection: asyncpg.Connection, columns: str, types: Sequence[str], key: str, rows: Sequence[Row]
) -> float:
    """Rows per second into a table with a primary key only, one `unnest` upsert per batch and transaction."""
    names = [column.split()[0] for column in columns.split(",")]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    await connection.execute("DROP TABLE IF EXISTS bench_rows")
    await connection.execute(
        f"CREATE TABLE bench_rows ({columns}, PRIMARY KEY ({key})) WITH (fillfactor = 70)"
    )
    statement = await connection.prepare(
        f"INSERT INTO bench_rows SELECT * FROM unnest({arrays}) ON CONFLICT ({key}) DO UPDATE SET {updates}"
    )
    started = time.perf_counter()
    for batch in _waves(rows, ROWS_PER_STATEMENT):
        newest = {row[:2]: row for row in batch}
        async with connection.transaction():
            await statement.fetch(*zip(*newest.values(), strict=True))
    seconds = time.perf_counter() - started
    await connection.execute("DROP TABLE bench_rows")
    return len(rows) / seconds


def one_after_another(*per_second: float) -> float:
    """The rate of steps that share one machine and take turns."""
    return 1 / sum(1 / rate for rate in per_second) if all(per_second) else 0.0


async def _create(kafka: KafkaAccess, topic: str) -> None:
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        while len(await _leaders(admin, topic)) < PARTITIONS:
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def _leaders(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    """The partitions that have a leader."""
    described = await admin.describe_topics([topic])
    return [one["partition"] for one in described[0]["partitions"] if one["leader"] >= 0]


def _waves(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
