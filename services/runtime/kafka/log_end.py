"""How far the event log reaches: what was appended lies below its end."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from schemas.formats.positions import Position
from services.runtime.kafka.access import KafkaAccess

ANSWER_SECONDS = 5


class LogEnd:
    """Asks the broker for end offsets; belongs to no consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic

    @classmethod
    async def open(cls, kafka: KafkaAccess, topic: str) -> "LogEnd":
        """Connects. Raises Transient."""
        consumer = AIOKafkaConsumer(
            **kafka.arguments(), enable_auto_commit=False, request_timeout_ms=ANSWER_SECONDS * 1000
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

    async def all(self, partitions: int) -> dict[int, int]:
        """The end of every partition: the offset that its next record will have. Raises Transient."""
        return await self._ends(range(partitions))

    async def last(self, partition: int) -> Position:
        """The newest record of a partition; offset -1 while it has none. Raises Transient."""
        ends = await self._ends((partition,))
        return Position(partition, ends[partition] - 1)

    async def _ends(self, partitions: Iterable[int]) -> dict[int, int]:
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await self._consumer.end_offsets(places)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Transient(f"kafka: {type(error).__name__}") from error
        return {place.partition: end for place, end in ends.items()}
