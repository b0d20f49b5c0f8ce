"""Idempotent producers, opened and closed in bounded time."""

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from services.runtime.background import start_task
from services.runtime.kafka.access import KafkaAccess

BATCH_BYTES: Final = 1 << 20
"""Below the broker's own limit of a batch, 1,048,588 bytes."""


async def open_producer(
    kafka: KafkaAccess, topic: str, timeout_seconds: float
) -> tuple[AIOKafkaProducer, int]:
    """A connected producer and the topic's partition count. Raises Transient while there is none."""
    producer = AIOKafkaProducer(
        **kafka.arguments(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=int(timeout_seconds * 1000),
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            await _bootstrap(producer)
            await producer._sender.start()
            partitions = await producer.partitions_for(topic)
    except (KafkaError, OSError, TimeoutError) as error:
        await close_producer(producer, 0)
        raise Transient(f"kafka: {type(error).__name__}") from error
    if not partitions:
        await close_producer(producer, 0)
        raise Transient(f"kafka: no topic {topic}")
    return producer, len(partitions)


async def _bootstrap(producer: AIOKafkaProducer) -> None:
    """Look up the cluster, to the end also when the caller is cancelled: aiokafka leaves the connection of a
    cancelled bootstrap open. Its requests end by themselves after the producer's request timeout."""
    bootstrap = start_task(producer.client.bootstrap())
    try:
        await asyncio.shield(bootstrap)
    finally:
        await asyncio.gather(bootstrap, return_exceptions=True)


async def close_producer(producer: AIOKafkaProducer, timeout_seconds: float) -> None:
    """Sends what is buffered and disconnects; what the broker has not taken in time is dropped.

    By itself an idempotent producer never gives up on a batch: its `stop` would wait for an absent broker for
    ever.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            await producer.stop()
            return
    accumulator, sender = producer._message_accumulator, producer._sender.sender_task
    accumulator.fail_all(KafkaError("closed before delivery"))
    if sender is not None:
        sender.cancel()
        await asyncio.wait([sender], timeout=1)
    await producer.client.close()
