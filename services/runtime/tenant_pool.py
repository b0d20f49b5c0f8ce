"""Database connections that speak for one tenant at a time: row-level security hides all others' rows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from services.runtime.database import PlainConnection, database_failures
from services.runtime.sql import load

ACQUIRE_SECONDS = 5
_PLAIN: Final[Mapping[str, str]] = MappingProxyType({})


class TenantConnection(PlainConnection):
    """Remembers for whom it speaks, also after a return to the pool: the next request of the same tenant
    needs no round trip for that."""

    __slots__ = ("_tenant",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tenant: str | None = None

    async def speak_for(self, tenant: str) -> None:
        """Sets the tenant when it is another one; never inside a transaction."""
        if self._tenant != tenant:
            self._tenant = None
            await self.execute(load("services.runtime", "tenant_pool.sql")["speak_for"], tenant)
            self._tenant = tenant


class TenantPool:
    """A pool whose every connection is bound to a tenant before it is handed out."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.raw = pool

    @classmethod
    async def open(
        cls, url: str, connections: int, name: str, session: Mapping[str, str] = _PLAIN
    ) -> "TenantPool":
        """Connects, with these settings of every session. Raises Transient."""
        with database_failures():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                connection_class=TenantConnection,
                command_timeout=30,
                server_settings={"application_name": f"vita {name}", **session},
            )
        return cls(pool)

    async def close(self) -> None:
        """Disconnects."""
        self.raw.terminate()

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection that sees this tenant only. Raises Transient when there is none to be had."""
        with database_failures():
            patience = None if self.raw.get_idle_size() else ACQUIRE_SECONDS
            async with self.raw.acquire(timeout=patience) as connection:
                await connection.speak_for(tenant)
                yield connection
