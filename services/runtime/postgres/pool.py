"""PostgreSQL at the edge: pools, and driver errors turned into ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from schemas.errors import Transient
from services.runtime.postgres.pool_use import watch_pool

_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises on a session that was cut off while it was idle
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)

DatabaseConnection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
"""A connection that was opened by itself, or one that was acquired from a pool."""

STATEMENT_SECONDS: Final = 45.0
"""Less than a worker's watchdog takes: waiting for a lock is a failure that is retried, not a stall."""


@contextmanager
def database_failures() -> Iterator[None]:
    """Re-raises what will pass (connection lost, server restarting, deadlock) as Transient; everything else
    as it is."""
    try:
        yield
    except _PASSING as error:
        raise Transient(f"database: {type(error).__name__}") from error


class PlainConnection(asyncpg.Connection):
    """A connection on which nothing of a session is ever set: its return to the pool costs no round trip."""

    def get_reset_query(self) -> str:
        """Nothing."""
        return ""


async def open_pool(
    url: str,
    *,
    min_size: int = 1,
    max_size: int = 4,
    search_path: str | None = None,
    role: str | None = None,
    name: str = "ledger",
) -> asyncpg.Pool:
    """Return a pool of connections; metrics show it as `name`. `search_path` is the schema that unqualified
    names mean; the connections act as `role`, or as the role they sign in with if it is None. Raises
    Transient."""
    given = {"search_path": search_path, "role": role}
    settings = {"application_name": "vita", **{name: value for name, value in given.items() if value}}
    with database_failures():
        pool = await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            server_settings=settings,
            command_timeout=STATEMENT_SECONDS,
            connection_class=PlainConnection,
        )
    watch_pool(pool, name)
    return pool
