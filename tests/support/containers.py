"""Kafka and PostgreSQL by testcontainers, for the tests on a machine with a Docker engine."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from deploy.local import ports
from deploy.local.compose import engine_answers
from deploy.local.infrastructure import Part
from deploy.local.servers import kafka, postgres
from services.runtime.kafka.access import KafkaAccess

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
START_BUDGET_S = 180


class TestContainers:
    """Containers that live as long as the test session, whatever becomes of it."""

    __test__ = False

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def answers(self) -> bool:
        """Whether a Docker engine answers."""
        return engine_answers()

    async def ensure_kafka(self) -> KafkaAccess:
        """Start the broker; how its administrator connects, once it answers."""
        access = await asyncio.to_thread(self._kafka)
        await _until("kafka", lambda: kafka.answers(access))
        return access

    async def ensure_postgres(self) -> str:
        """Start the server; its address once it answers."""
        address = await asyncio.to_thread(self._postgres)
        await _until("postgres", lambda: postgres.answers(address))
        return address

    def __enter__(self) -> "TestContainers":
        return self

    def __exit__(self, *_failure: object) -> None:
        self._stack.close()

    def _kafka(self) -> KafkaAccess:
        from testcontainers.core.container import DockerContainer

        port = ports.choose("kafka", None)
        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
        host = container.get_container_host_ip()
        password = secrets.token_hex(24)
        for name, value in kafka.container_settings(f"{host}:{port}", password).items():
            container.with_env(name, value)
        self._stack.enter_context(container)
        return replace(kafka.administrator(port, password, "PLAIN"), bootstrap=f"{host}:{port}")

    def _postgres(self) -> str:
        from testcontainers.core.container import DockerContainer

        password = secrets.token_urlsafe(16)
        container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
        container.with_env("POSTGRES_PASSWORD", password).with_command(
            "postgres -c fsync=off -c max_connections=200"
        )
        self._stack.enter_context(container)
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"
        return f"postgresql://postgres:{password}@{address}/postgres"


async def _until(part: Part, answers: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + START_BUDGET_S
    while not await answers():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the {part} container did not answer within {START_BUDGET_S} seconds")
        await asyncio.sleep(0.2)
