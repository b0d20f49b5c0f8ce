"""A worker's FastStream broker and subscription."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from services.runtime.worker.intake import Source

TakeOn = Callable[[Collection[TopicPartition]], Awaitable[None]]


def subscription(
    source: Source, drain_seconds: float, take_on: TakeOn, finish_batch: Callable[[], Awaitable[None]]
) -> tuple[KafkaBroker, Any]:
    """Return a broker and its subscriber; neither is connected.

    In a rebalance, `finish_batch` is called before partitions are handed over, and `take_on` before the Kafka
    consumer reads from a newly assigned partition.
    """
    broker = KafkaBroker(
        **source.kafka.broker_arguments(), logger=None, apply_types=False, graceful_timeout=drain_seconds
    )
    subscriber = broker.subscriber(
        source.topic,
        group_id=source.group,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        listener=_Assignment(take_on, finish_batch),
        isolation_level="read_committed",
        session_timeout_ms=6_000,
        heartbeat_interval_ms=2_000,
        max_poll_interval_ms=600_000,
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=200,
    )
    return broker, subscriber


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, take_on: TakeOn, finish_batch: Callable[[], Awaitable[None]]) -> None:
        self._take_on, self._finish_batch = take_on, finish_batch

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Finish the current batch, so that the next owner starts after it."""
        await self._finish_batch()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Seek to the stored positions."""
        await self._take_on(assigned)
