"""Database connections that speak for one tenant at a time: row-level security hides all others' rows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Any, Final, Protocol

import asyncpg

from schemas.errors import Transient
from services.runtime.fairness.gate import FairGate
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection, PlainConnection, database_failures
from services.runtime.postgres.pool_use import watch_pool

ACQUIRE_SECONDS = 5
LOCK_SECONDS: Final = 3
"""How long a statement of a request waits for a lock."""
STATEMENT_SECONDS: Final = 8
"""Time limit of a statement."""
COMMAND_SECONDS: Final = 10
"""Time after which a server that does not respond is given up."""
LONG_SECONDS: Final = 30
"""COMMAND_SECONDS for sessions with their own statement timeout."""
_WAITS: Final = MappingProxyType(
    {"lock_timeout": f"{LOCK_SECONDS}s", "statement_timeout": f"{STATEMENT_SECONDS}s"}
)
SHARE: Final = 0.75
"""How much of a pool one tenant may use, so that there is a connection for the next one."""
WAITING: Final = 1000
"""Requests of one tenant that may wait for a connection."""
NO_TENANT: Final = ""
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({})


class TenantConnection(PlainConnection):
    """Remembers its tenant after it is returned to the pool, so that the next request of this tenant needs no
    round trip to set it."""

    __slots__ = ("_tenant",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tenant: str | None = None

    async def speak_for(self, tenant: str) -> None:
        """Sets the tenant when it is another one; never inside a transaction."""
        if self._tenant != tenant:
            self._tenant = None
            await self.execute(_query("speak_for"), tenant)
            self._tenant = tenant


class TenantDatabase(Protocol):
    """Database connections that see one tenant."""

    def connection(self, tenant: str) -> AbstractAsyncContextManager[Any]:
        """Return a connection that sees the rows of this tenant. Raises Transient when none is available."""


class TenantPool:
    """A pool whose every connection is bound to a tenant before it is handed out.

    Tenants share the connections: one tenant holds at most its share, a free connection goes to the tenant
    that holds the fewest.
    """

    def __init__(self, pool: asyncpg.Pool, gate: FairGate) -> None:
        self.raw, self._gate = pool, gate

    @classmethod
    async def open(
        cls,
        url: str,
        connections: int,
        name: str,
        session: Mapping[str, str] = _PLAIN,
        *,
        share: float = SHARE,
        waiting: int = WAITING,
        connection_class: type[TenantConnection] = TenantConnection,
    ) -> "TenantPool":
        """Open the pool, with these settings for every session.

        A tenant may use this share of the connections, at least one, while this many of its requests wait.
        Raises Transient.
        """
        with database_failures():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                connection_class=connection_class,
                command_timeout=LONG_SECONDS if "statement_timeout" in session else COMMAND_SECONDS,
                server_settings={"application_name": f"vita {name}", **_WAITS, **session},
            )
        gate = FairGate(f"database connections ({name})", connections, int(connections * share), waiting)
        watch_pool(pool, name, gate.waiting)
        return cls(pool, gate)

    async def ping(self) -> None:
        """Return once the database answers, outside of the tenants' shares. Raises Transient."""
        with database_failures():
            await self.raw.fetchval(_query("alive"))

    async def close(self) -> None:
        """Disconnects."""
        self.raw.terminate()

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[DatabaseConnection]:
        """A connection that sees this tenant only. Raises OverShare when the tenant uses its share and waits
        in vain, Transient when there is no connection to be had."""
        async with self._acquired(tenant) as connection:
            await connection.speak_for(tenant)
            yield connection

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[DatabaseConnection]:
        """A connection for requests of which no tenant is known yet; together they count as one tenant. It
        speaks for whomever it spoke for last. Raises OverShare or Transient."""
        async with self._acquired(NO_TENANT) as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self, tenant: str) -> AsyncIterator[Any]:
        with database_failures():
            async with self._gate.place(tenant, ACQUIRE_SECONDS):
                patience = None if self.raw.get_idle_size() else ACQUIRE_SECONDS
                async with self.raw.acquire(timeout=patience) as connection:
                    try:
                        yield connection
                    except asyncpg.ReadOnlySQLTransactionError as error:
                        # a session that began read-only stays so when the database is writable again
                        await self.raw.expire_connections()
                        raise Transient("database: read-only") from error


def _query(name: str) -> str:
    return load("services.runtime.postgres", "tenant_pool.sql")[name]
