"""The bench's own fresh stack: real Kafka and PostgreSQL, services as processes, thrown away afterwards."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.database import Access, prepare_database
from deploy.kafka_principals import create_users, grant, new_passwords, principals
from deploy.local.servers.kafka import MECHANISM
from deploy.local.services import ServiceLauncher, Stack
from deploy.local.stack import LocalStack
from deploy.local.state import default_state_dir
from schemas.topics import Topic, catalogue
from services.ledger.keys.signing_keys import load_signing_key
from services.ledger.keys.subject_keys import provider_from
from services.runtime.auth.tokens import TokenIssuer
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.topics import ensure_topics
from tests.bench.meter import CpuMeter

TENANT = "demo"
DATABASE = "vita"
NO_MANAGEMENT = "http://127.0.0.1:8080"
"""Nothing runs there: it only names the issuer of the bench's token."""

MANAGEMENT_SCOPES = ("read:users", "create:users", "update:users", "create:connections")

Progress = Callable[[], Awaitable[int]]


@dataclass
class Site:
    """What is measured, and the few things done to it."""

    local: LocalStack
    stack: Stack
    kafka: KafkaAccess
    """The administrator's."""
    pool: asyncpg.Pool
    offsets: AIOKafkaConsumer
    launcher: ServiceLauncher
    token: str = ""

    async def start_ingest(self) -> None:
        """Have ingest ready, and a token for it."""
        self.stack = await self.launcher.ensure_ingest()
        self.token = await self.issue_token()

    async def start_management(self) -> None:
        """Have the Management API ready, and a token for it."""
        self.stack = await self.launcher.ensure_management()
        issuer = f"{self.stack.management_url}/"
        self.token = await self.issue_token(MANAGEMENT_SCOPES, issuer)

    async def start_worker(self, name: str) -> None:
        """Have a worker ready."""
        await self.launcher.ensure_worker(name)

    async def stop(self, name: str) -> None:
        """Stop one process."""
        await self.local.stop(name)

    def last_words(self, name: str) -> str:
        """The end of a process's log."""
        log = self.local.state.log(name)
        return log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""

    def cpu(self, *names: str) -> CpuMeter:
        """A meter of these processes, of Kafka and of PostgreSQL, from now on."""
        wanted = (*names, "kafka", "postgres")
        alive = {info.name: info.pid for info in self.local.status() if info.pid is not None}
        return CpuMeter({name: alive[name] for name in wanted if name in alive})

    async def written(self, topic: Topic) -> int:
        """How many records a topic has."""
        partitions = [TopicPartition(topic.value, number) for number in range(catalogue()[topic].partitions)]
        ends: dict[TopicPartition, int] = await self.offsets.end_offsets(partitions)
        return sum(ends.values())

    async def normalized(self) -> int:
        """How many events the log has."""
        return await self.written(Topic.PROFILE_EVENTS)

    async def projected(self) -> int:
        """How many events the views show."""
        return await self._count(
            "SELECT coalesce(sum(next_offset), 0)::bigint FROM ledger.position p JOIN ledger.generation g"
            " ON g.number = p.generation WHERE g.state = 'live' AND p.topic = $1",
            Topic.PROFILE_EVENTS.value,
        )

    async def audited(self) -> int:
        """How many events the trail has."""
        return await self._count(
            "SELECT coalesce(sum(size_after), 0)::bigint"
            " FROM generate_series(0, $1::int - 1) AS n (partition),"
            " LATERAL (SELECT size_after FROM trail.append a WHERE a.partition = n.partition"
            " ORDER BY size_before DESC LIMIT 1) AS newest",
            catalogue()[Topic.PROFILE_EVENTS].partitions,
        )

    async def _count(self, query: str, *arguments: object) -> int:
        return int(await self.pool.fetchval(query, *arguments))

    async def issue_token(
        self,
        scopes: Sequence[str] = ("publish:logins",),
        issuer: str = f"{NO_MANAGEMENT}/",
        tenant: str = TENANT,
    ) -> str:
        """A token of this issuer for a tenant."""
        connection = await asyncpg.connect(self.stack.database_url("management"))
        try:
            provider = provider_from(self.stack.key_provider)
            key = await load_signing_key(connection, provider)
        finally:
            await connection.close()
        now = datetime.now(UTC)
        return TokenIssuer(key, issuer).issue("bench", tenant, scopes, f"{issuer}api/v2/", now)


@asynccontextmanager
async def fresh_site(folder: Path | None = None) -> AsyncIterator[Site]:
    """A stack with nothing in it but topics, tables and a tenant; what an earlier bench left is removed."""
    os.environ.setdefault("VITA_RATE_LIMITS", "off")  # what is measured is the service, not its limits
    local = LocalStack(folder or default_state_dir() / "bench")
    with local.state.lock():
        await local.stop_all()
        local.state.remove()
    with local.state.lock():
        try:
            async with _prepared(local) as site:
                yield site
        finally:
            await asyncio.shield(local.stop_all())
            local.state.remove()


@asynccontextmanager
async def _prepared(local: LocalStack) -> AsyncIterator[Site]:
    kafka, admin_url = await asyncio.gather(local.ensure_kafka(), local.ensure_postgres())
    everybody = principals(new_passwords())
    access = {name: one.access(kafka, MECHANISM).environment() for name, one in everybody.items()}
    stack = Stack(
        state_dir=local.state.path,
        kafka_bootstrap=kafka.bootstrap,
        postgres_admin_url=admin_url,
        database=DATABASE,
        management_url=NO_MANAGEMENT,
        ingest_url="",
        kafka_access=access,
    )
    await prepare_database(admin_url, DATABASE, provider_from(stack.key_provider), Access(stack.passwords))
    await create_users(kafka, everybody.values(), MECHANISM)
    await grant(kafka, everybody.values(), "")
    await ensure_topics(kafka)
    offsets = AIOKafkaConsumer(**kafka.arguments(), enable_auto_commit=False)
    async with asyncpg.create_pool(stack.admin_database_url, min_size=1, max_size=3) as pool:
        await pool.execute("INSERT INTO ledger.tenant (name, display_name) VALUES ($1, 'Bench')", TENANT)
        await offsets.start()
        try:
            yield Site(local, stack, kafka, pool, offsets, ServiceLauncher(local, stack, pool))
        finally:
            await offsets.stop()
