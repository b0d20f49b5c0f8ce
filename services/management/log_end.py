"""How far the event log reaches: what was appended lies below its end."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from schemas.positions import Position

ANSWER_SECONDS = 5


class LogEnd:
    """Asks the broker for end offsets; belongs to no consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic

    @classmethod
    async def open(cls, bootstrap: str, topic: str) -> "LogEnd":
        """Connects. Raises Transient."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, request_timeout_ms=ANSWER_SECONDS * 1000
        )
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            await consumer.stop()
            raise Transient(f"kafka: {type(error).__name__}") from error
        return cls(consumer, topic)

    async def close(self) -> None:
        """Disconnects."""
        await self._consumer.stop()

    async def last(self, partition: int) -> Position:
        """The newest record of a partition; offset -1 while it has none. Raises Transient."""
        place = TopicPartition(self._topic, partition)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await self._consumer.end_offsets([place])
        except (KafkaError, OSError, TimeoutError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        return Position(partition, ends[place] - 1)
