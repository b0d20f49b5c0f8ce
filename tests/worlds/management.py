"""The Management API with the tenants `demo` and `other`, each with a database connection.

Runs the API in the process of the test, over ASGI without a port, and a projector in a separate process.
Writes go through the real log and views; there is no normalizer, auditor or ingest.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from joserfc import jws
from starlette.types import ASGIApp

from schemas.formats import exact_json
from schemas.formats.positions import Position
from schemas.topics import Topic
from services.commands.service import build_commands
from services.commands.users.commands import UserRules
from services.commands.writer import WaitTimes, Writer
from services.management.app import OPERATIONS, create_app
from services.management.container import Service, Storage, open_service, wait_times
from services.management.settings import Settings
from services.runtime.auth.tokens import ALGORITHM, TokenIssuer
from tests.support.patience import A_WHILE, soon
from tests.support.stack import Database, Stack

ALL_SCOPES = sorted(
    {
        scope
        for operation in OPERATIONS
        for text in operation.scopes
        for scope in text.split()
        if ":current_user" not in scope
    }
)
"""Of every operation that is mounted, but for those that reach only oneself."""
DATABASE_CONNECTION = "Username-Password-Authentication"
PASSWORD = "a long and quiet Password 1"


@dataclass(repr=False)
class Site:
    """One installation: its parts, its tenants, and ways to ask it."""

    stack: Stack
    database: Database
    prefix: str
    service: Service
    app: ASGIApp
    issuer: TokenIssuer
    projector: "asyncio.subprocess.Process | None" = None
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def storage(self) -> Storage:
        """The connections of management to the database and the log."""
        return self.service.storage

    def token(
        self,
        scopes: Sequence[str] = ALL_SCOPES,
        tenant: str = "demo",
        client_id: str = "tests",
        **changes: Any,
    ) -> str:
        """A token of the installation's own issuer."""
        audience = changes.get("audience", self.service.settings.token_audience)
        now = changes.get("now", datetime.now(UTC))
        return self.issuer.issue(client_id, tenant, scopes, audience, now)

    async def client_of_new_tenant(self) -> httpx.AsyncClient:
        """An HTTP client of a new tenant with a database connection."""
        tenant = f"t{len(self._clients)}"
        await self.add_tenant(tenant)
        await self.add_connection(DATABASE_CONNECTION, "auth0", tenant, passwordPolicy="none")
        return self.client(tenant=tenant)

    def client(
        self, scopes: Sequence[str] = ALL_SCOPES, tenant: str = "demo", app: ASGIApp | None = None
    ) -> httpx.AsyncClient:
        """An HTTP client with such a token."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app or self.app),
            base_url="http://vita",
            headers={"authorization": f"Bearer {self.token(scopes, tenant)}"},
            timeout=A_WHILE,
        )
        self._clients.append(client)
        return client

    async def add_tenant(self, name: str) -> None:
        """Create a new tenant."""
        async with self.operator() as connection:
            await connection.execute(
                "INSERT INTO ledger.tenant (name, display_name) VALUES ($1, $1) ON CONFLICT DO NOTHING", name
            )

    async def add_connection(
        self, name: str, strategy: str, tenant: str = "demo", **options: Any
    ) -> dict[str, Any]:
        """A connection with these options."""
        body = {"name": name, "strategy": strategy, "options": options}
        answer = await self.client(tenant=tenant).post("/api/v2/connections", json=body)
        await self.until_applied(answer.headers["vita-position"])
        found: dict[str, Any] = answer.json()
        return found

    def operator(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection with the operator's role."""
        return self.database.connected("vita_operator")

    async def start_projector(self) -> None:
        """Start a projector in a separate process."""
        self.projector = await start_projector(self.stack, self.database, self.prefix)

    async def stop_projector(self) -> None:
        """Ends it as a supervisor would."""
        if self.projector is not None:
            await ended(self.projector)
        self.projector = None

    async def until_applied(self, position: str) -> None:
        """Waits until the views show a position."""
        assert await self.storage.log.watch.wait_for(Position.parse(position), A_WHILE)

    async def record_at(self, position: str) -> bytes:
        """The value of the event record at a position, as it is on the log."""
        place = Position.parse(position)
        partition = TopicPartition(self.prefix + Topic.PROFILE_EVENTS.value, place.partition)
        async with AIOKafkaConsumer(**self.stack.kafka.arguments(), enable_auto_commit=False) as consumer:
            consumer.assign([partition])
            consumer.seek(partition, place.offset)
            value: bytes = (await consumer.getone()).value
            return value


def with_log(service: Service, writer: Writer | None = None, times: WaitTimes | None = None) -> Service:
    """The service by way of another writer, or with other times to wait."""
    settings, storage = service.settings, service.storage
    log = replace(storage.log, writer=writer or storage.log.writer)
    rules = UserRules(settings.profile_limit_bytes, settings.token_issuer)
    commands, recovery = build_commands(
        storage.database, storage.keyring, log, service.auth.passwords, rules, times or wait_times(settings)
    )
    return replace(
        service,
        storage=replace(storage, log=log),
        commands=commands,
        background=replace(service.background, recovery=recovery),
    )


def settings_for(stack: Stack, database: Database, prefix: str, **changes: Any) -> Settings:
    """The service's settings over these parts."""
    names = stack.environment("management", database, prefix)
    given = {name.removeprefix("VITA_").lower(): value for name, value in names.items()}
    return Settings(**{**given, **changes})


async def start_projector(stack: Stack, database: Database, prefix: str) -> asyncio.subprocess.Process:
    """A projector over these parts."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.projector",
        env={**os.environ, **stack.environment("projector", database, prefix)},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> None:
    """Has the process end, unless it has."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        await soon(process.wait(), 30)


@asynccontextmanager
async def running_site(stack: Stack, **changes: Any) -> AsyncIterator[Site]:
    """An installation with the tenants demo and other, each with a database connection."""
    database, prefix = await stack.place()
    async with AsyncExitStack() as opened:
        projector = await start_projector(stack, database, prefix)
        opened.push_async_callback(ended, projector)
        service = await opened.enter_async_context(
            open_service(settings_for(stack, database, prefix, **changes))
        )
        site = Site(
            stack, database, prefix, service, create_app(service), await service.auth.issuers.of(), projector
        )
        try:
            for tenant in ("demo", "other"):
                await site.add_tenant(tenant)
                await site.add_connection(DATABASE_CONNECTION, "auth0", tenant, passwordPolicy="none")
            yield site
        finally:
            for client in site._clients:
                await client.aclose()
            await site.stop_projector()


def path_of(user_id: str) -> str:
    """The path of a user."""
    return f"/api/v2/users/{quote(user_id, safe='')}"


def new_user(**changes: Any) -> dict[str, Any]:
    """A body that makes a user of the database connection."""
    return {"connection": DATABASE_CONNECTION, "email": "jane@example.com", "password": PASSWORD, **changes}


def user_token(site: Site, user_id: str, scopes: Sequence[str], tenant: str = "demo") -> str:
    """A token in which a user speaks, not a client."""
    issuer, now = site.issuer, int(datetime.now(UTC).timestamp())
    claims = {
        "iss": issuer.issuer, "sub": user_id, "aud": site.service.settings.token_audience, "iat": now,
        "exp": now + 600, "azp": "app", "scope": " ".join(scopes), "tenant": tenant,
    }  # fmt: skip
    header = {"alg": ALGORITHM, "typ": "JWT", "kid": issuer._key.kid}
    return jws.serialize_compact(header, exact_json.dumps(claims), issuer._key, [ALGORITHM])
