"""The real Kafka and PostgreSQL of a test session, with topics and databases of each test's own."""

import asyncio
import contextlib
import inspect
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from deploy import database as databases
from deploy.kafka_principals import KafkaPrincipal, create_users, grant, new_passwords, principals
from deploy.local.failure import StackFailure
from deploy.local.infrastructure import ensure_infrastructure
from deploy.local.servers.kafka import MECHANISM
from deploy.local.servers.postgres import Tuning
from deploy.local.stack import LocalStack
from deploy.roles import Passwords, role_name, role_url
from services.ledger.keys.subject_keys import provider_from
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.topics import ensure_topics
from tests.support.containers import TestContainers
from tests.support.patience import A_WHILE, PATIENCE

WAITS = {
    "management": (
        "VITA_APPEND_WAIT_SECONDS",
        "VITA_VIEW_WAIT_SECONDS",
        "VITA_READ_WAIT_SECONDS",
        "VITA_SEARCH_TIMEOUT_SECONDS",
    ),
    "ingest": ("VITA_CHECK_SECONDS",),
}
"""By which variables a service answers otherwise when the machine is slow."""
UNLIMITED = {
    "management": {"VITA_TENANT_SHARE": "1"},
    "normalizer": {"VITA_DEAD_LETTERS_PER_HOUR": "1000000"},
    "projector": {"VITA_DEAD_LETTERS_PER_HOUR": "1000000"},
}
"""Settings that lift the limits of a tenant, and of records that a test quarantines."""
PASSING = Tuning(durable=False, max_connections=400)


@dataclass(frozen=True)
class Database:
    """One test's database, with every role and the first generation in it."""

    name: str
    admin: str
    """Where the superuser connects to it."""
    access: databases.Access = field(repr=False)
    """The roles, which all databases of a session share with their template."""

    def role(self, role: str) -> str:
        """The name of a role on the server: `vita_projector` or `projector` is the projector's."""
        return role_name(self.access.prefix or self.name, role.removeprefix("vita_"))

    def url_for(self, role: str) -> str:
        """Where a role connects to it: `vita_projector`, `vita_auditor` and so on."""
        password = self.access.passwords.known(role.removeprefix("vita_"))
        assert password is not None
        return role_url(self.admin, self.role(role), password, self.name)

    @contextlib.asynccontextmanager
    async def connected(self, role: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        """A connection with a service's role, or with a superuser's rights when no role is given."""
        connection = await asyncpg.connect(self.url_for(role) if role else self.admin)
        try:
            yield connection
        finally:
            await connection.close()

    def copy(self, name: str) -> "Database":
        """A database with this name and the roles of this one."""
        return Database(name, databases.database_url(self.admin, name), self.access)


@dataclass
class Stack:
    """What the `stack` fixture gives."""

    kafka: KafkaAccess
    """The administrator's."""
    admin_url: str = field(repr=False)
    folder: Path
    exclusive: bool = False
    """True if the PostgreSQL server lives for this session only."""
    principals: Mapping[str, KafkaPrincipal] = field(default_factory=lambda: principals(new_passwords()))
    _template: str = field(default_factory=lambda: f"vita_template_{secrets.token_hex(4)}")
    _databases: list[str] = field(default_factory=list)
    _passwords: Passwords = field(default_factory=lambda: Passwords({}))
    _prefixes: list[str] = field(default_factory=list)
    _spare: "asyncio.Task[tuple[Database, str]] | None" = None

    async def prepare(self) -> None:
        """Make the template that every test's database is a copy of."""
        await self.prepare_again(self._template)
        if self.kafka.uses_sasl:
            await create_users(self.kafka, self.principals.values(), MECHANISM)

    async def prepare_again(self, name: str) -> None:
        """Prepare a database of this session, as a second `make up` does."""
        await databases.prepare_database(
            self.admin_url, name, provider_from(self.key_provider(name)), self._access()
        )

    def kafka_of(self, service: str) -> KafkaAccess:
        """How a service connects to Kafka."""
        return self.principals[service].access(self.kafka, MECHANISM if self.kafka.uses_sasl else None)

    async def database(self) -> Database:
        """A new database, as `make up` would have it before the first event."""
        name = f"vita_test_{secrets.token_hex(6)}"
        self._databases.append(name)
        await databases.clone_database(self.admin_url, self._template, name)
        shutil.copy(self._key_file(self._template), self._key_file(name))
        return Database(name, databases.database_url(self.admin_url, name), self._access())

    def unprepared(self) -> Database:
        """A database with its own roles that the caller prepares."""
        name = f"vita_test_{secrets.token_hex(6)}"
        self._databases.append(name)
        return Database(name, databases.database_url(self.admin_url, name), self._access())

    async def topics(self) -> str:
        """New topics, one for each in the catalogue, with the services' rights; the prefix of their names."""
        prefix = f"t{secrets.token_hex(4)}."
        self._prefixes.append(prefix)
        if self.kafka.uses_sasl:
            await grant(self.kafka, self.principals.values(), prefix)
        await ensure_topics(self.kafka, prefix)
        return prefix

    async def place(self) -> tuple[Database, str]:
        """A new database and new topics. A thread prepares the next ones in advance, because many tests block
        the loop."""
        spare, self._spare = self._spare, None
        made = await (spare or self._place())
        self._spare = asyncio.create_task(asyncio.to_thread(asyncio.run, self._place()))
        return made

    async def _place(self) -> tuple[Database, str]:
        database, prefix = await asyncio.gather(self.database(), self.topics())
        return database, prefix

    def environment(self, service: str, database: Database, prefix: str) -> dict[str, str]:
        """What a process of the service needs beyond the inherited environment."""
        return {
            **self.kafka_of(service).environment(),
            "VITA_DATABASE_URL": database.url_for(service),
            "VITA_TOPIC_PREFIX": prefix,
            "VITA_KEY_PROVIDER": self.key_provider(database.name),
            "VITA_LOGIN_SIGNING_KEY": f"file:{self.folder / database.name}.ingest",
            "VITA_LOG_FORMAT": "json",
            "VITA_METRICS_PORT": "0",
            **{name: str(A_WHILE) for name in WAITS.get(service, ())},
            **UNLIMITED.get(service, {}),
        }

    def key_provider(self, name: str) -> str:
        """The key-encryption key of a database: a copy of the template's."""
        return f"file:{self._key_file(name)}"

    def _key_file(self, name: str) -> Path:
        return self.folder / f"{name}.kek"

    def _access(self) -> databases.Access:
        return databases.Access(self._passwords, exclusive=self.exclusive, prefix=self._template)

    async def until(self, condition: Callable[[], Any], timeout: float = 30, every: float = 0.02) -> Any:
        """Ask a function or a coroutine function again and again; its first answer that is true."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not within {timeout * PATIENCE:.0f} s: {_source(condition)} is still {answer!r}"
                )
            await asyncio.sleep(every)

    async def rest(self) -> None:
        """Wait for prepared resources that no test will use."""
        if self._spare is not None:
            await asyncio.wait([self._spare])

    async def close(self) -> None:
        """Take away what the tests left on servers that stay."""
        for name in self._databases:
            await databases.drop_database(self.admin_url, name)
        await databases.drop_installation(self.admin_url, self._template)
        admin = AIOKafkaAdminClient(**self.kafka.arguments())
        await admin.start()
        try:
            own = [topic for topic in await admin.list_topics() if topic.startswith(tuple(self._prefixes))]
            if own:
                await admin.delete_topics(own)
        finally:
            await admin.close()


@contextlib.asynccontextmanager
async def running_stack() -> AsyncIterator[Stack]:
    """The servers by the first road that is open: the environment, Docker, own processes."""
    base = Path(tempfile.gettempdir(), f"vita-tests-{os.getuid()}")
    base.mkdir(mode=0o700, exist_ok=True)
    await _sweep(base)
    local = LocalStack(base / f"{os.getpid()}-{secrets.token_hex(3)}", PASSING)
    with local.state.lock(), TestContainers() as containers:
        infrastructure = await ensure_infrastructure(local, containers)
        exclusive = infrastructure.routes["postgres"] != "environment"
        stack = Stack(infrastructure.kafka, infrastructure.postgres_admin_url, local.state.path, exclusive)
        try:
            await stack.prepare()
            yield stack
        finally:
            await stack.rest()
            if "environment" in infrastructure.routes.values():
                await stack.close()
            await _end(local)


async def _sweep(base: Path) -> None:
    """Remove the remains of earlier sessions that were killed: no process holds the lock of their folders."""
    for folder in base.iterdir():
        local = LocalStack(folder)
        with contextlib.suppress(StackFailure), local.state.lock(budget_s=0):
            await _end(local)


async def _end(local: LocalStack) -> None:
    await local.stop("kafka", budget_s=0)
    await local.stop_all()
    local.state.remove()


def _source(condition: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
