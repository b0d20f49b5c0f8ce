"""A stand-in for the Docker engine that the local stack asks for."""

from dataclasses import dataclass

from services.runtime.kafka.access import KafkaAccess


@dataclass
class DockerEngine:
    """A Docker engine that is there or not, and counts how often it was asked."""

    there: bool
    asked: int = 0

    def answers(self) -> bool:
        self.asked += 1
        return self.there

    async def ensure_kafka(self) -> KafkaAccess:
        raise AssertionError("nobody asked for Kafka")

    async def ensure_postgres(self) -> str:
        raise AssertionError("nobody asked for PostgreSQL")
