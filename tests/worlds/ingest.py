"""Ingest alone, as a gateway meets it.

Runs ingest in the process of the test; no worker reads the topics. The database holds the tenant `demo` and
a signing key for tokens.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import Topic, catalogue
from services.ingest.app import build
from services.ingest.errors import SCOPE
from services.ingest.settings import Settings
from services.ledger.keys.signing_keys import load_signing_key
from services.ledger.keys.subject_keys import provider_from
from services.runtime.auth.tokens import TokenIssuer
from services.runtime.kafka.access import KafkaAccess
from tests.support.patience import A_WHILE
from tests.support.stack import Database, Stack

LOGINS = "/ingest/v1/logins"


@dataclass
class IngestSite:
    """A tenant's way to ingest: topics and a database of this module's own, and the issuer of its tokens."""

    stack: Stack
    database: Database
    prefix: str
    issuer: TokenIssuer

    def settings(self, kafka: KafkaAccess | None = None, **changes: Any) -> Settings:
        names = self.stack.environment("ingest", self.database, self.prefix)
        if kafka is not None:
            names |= kafka.environment()
        given = {name.removeprefix("VITA_").lower(): value for name, value in names.items()}
        return Settings(**{**given, "key_provider": "", "ack_seconds": 5, **changes})

    def token(self, scopes: tuple[str, ...] = (SCOPE,), tenant: str = "demo") -> str:
        audience = Settings.model_fields["token_audience"].default
        return self.issuer.issue("abc", tenant, scopes, audience, datetime.now(UTC))

    @asynccontextmanager
    async def client(self, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Ingest, served in this process."""
        app = build(self.settings(**changes))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            headers = {"authorization": f"Bearer {self.token()}", "content-type": "application/json"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://ingest", headers=headers, timeout=A_WHILE
            ) as client:
                yield client

    async def logged(self, kafka: KafkaAccess | None = None) -> list[ConsumerRecord]:
        """Every record of logins.raw."""
        topic = self.prefix + Topic.LOGINS_RAW.value
        consumer = AIOKafkaConsumer(
            **(kafka or self.stack.kafka).arguments(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, n) for n in range(catalogue()[Topic.LOGINS_RAW].partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[ConsumerRecord] = []
            while len(found) < sum(ends.values()):
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    found.extend(batch)
            return found
        finally:
            await consumer.stop()


async def make_ingest_site(stack: Stack) -> IngestSite:
    """A database with a signing key, and topics."""
    database, prefix = await stack.place()
    await add_tenant(database, "demo")
    connection = await asyncpg.connect(database.url_for("vita_management"))
    try:
        provider = provider_from(stack.environment("management", database, prefix)["VITA_KEY_PROVIDER"])
        key = await load_signing_key(connection, provider)
    finally:
        await connection.close()
    return IngestSite(
        stack, database, prefix, TokenIssuer(key, Settings.model_fields["token_issuer"].default)
    )


async def add_tenant(database: Database, name: str) -> None:
    """A tenant without connections of its own."""
    connection = await asyncpg.connect(database.admin)
    try:
        await connection.execute("INSERT INTO ledger.tenant (name, display_name) VALUES ($1, $1)", name)
    finally:
        await connection.close()
