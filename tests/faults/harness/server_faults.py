"""Faults of the broker and of the database."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from typing import Final

import asyncpg
import psutil

from tests.faults.harness.faults import Fault, Ground
from tests.faults.harness.servers import Server

BROKER_FROZEN_SECONDS: Final = 4.0
DATABASE_SECONDS: Final = 2.5
CUT_EVERY_SECONDS: Final = 0.3
LOCK_SECONDS: Final = 5
LOCKED_TABLES: Final = ("profile", "activity", "log_entry", "session")

CUT: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename LIKE 'vita_%'"
)
"""Ends every session of the services. A rebuild works in some of them."""


class KilledServer(Fault):
    """A server dies by SIGKILL and is started again."""

    def __init__(self, server: Server) -> None:
        super().__init__("killed and restarted", server, 1.0)
        self._server: Server = server

    async def inject(self, ground: Ground) -> None:
        """Kill all its processes."""
        await ground.site.servers.kill(self._server)

    async def heal(self, ground: Ground) -> None:
        """Start it."""
        await ground.site.servers.start(self._server)


class FrozenServer(Fault):
    """A server stands still, with its connections open."""

    def __init__(self, server: Server) -> None:
        super().__init__("frozen", server, BROKER_FROZEN_SECONDS if server == "kafka" else DATABASE_SECONDS)
        self._server: Server = server

    async def inject(self, ground: Ground) -> None:
        """Stop all its processes where they are."""
        ground.site.servers.freeze(self._server)

    async def heal(self, ground: Ground) -> None:
        """Let them go on."""
        ground.site.servers.thaw(self._server)


class KilledBackend(Fault):
    """A session's process dies by SIGKILL: the server ends all sessions and recovers from its log."""

    def __init__(self) -> None:
        super().__init__("backend killed", "postgres")

    async def inject(self, ground: Ground) -> None:
        """Kill the process of some session of the services."""
        rows = await ground.site.pipeline.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'vita_%'"
            " ORDER BY backend_start"
        )
        own = {process.pid for process in ground.site.servers.processes("postgres")}
        if pids := [row["pid"] for row in rows if row["pid"] in own]:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(ground.draw.choice(pids)).kill()


class CutSessions(Fault):
    """Every session is ended, again and again."""

    def __init__(self) -> None:
        super().__init__("sessions cut", "postgres")

    async def inject(self, ground: Ground) -> None:
        """Cut them for a while."""
        ends = time.monotonic() + DATABASE_SECONDS
        while time.monotonic() < ends:
            await ground.site.pipeline.run(CUT)
            await asyncio.sleep(CUT_EVERY_SECONDS)


class NoConnections(Fault):
    """The database accepts no further connection, and the present ones are gone."""

    def __init__(self) -> None:
        super().__init__("out of connections", "postgres", DATABASE_SECONDS)

    async def inject(self, ground: Ground) -> None:
        """Limit the connections to few."""
        pipeline = ground.site.pipeline
        await pipeline.run(f"ALTER DATABASE {pipeline.database.name} CONNECTION LIMIT 2")
        await pipeline.run(CUT)

    async def heal(self, ground: Ground) -> None:
        """Take back the limit."""
        pipeline = ground.site.pipeline
        await pipeline.run(f"ALTER DATABASE {pipeline.database.name} CONNECTION LIMIT -1")


class ReadOnly(Fault):
    """Every transaction is a read-only one, as on a standby that was taken for the primary."""

    def __init__(self) -> None:
        super().__init__("read-only", "postgres", DATABASE_SECONDS)

    async def inject(self, ground: Ground) -> None:
        """For all sessions from now on, and the present ones are cut."""
        name = ground.site.pipeline.database.name
        await ground.site.pipeline.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on; {CUT}")

    async def heal(self, ground: Ground) -> None:
        """Take it back, and cut the sessions that were made meanwhile."""
        async with ground.site.pipeline.connected() as connection:
            await connection.execute("SET default_transaction_read_only = off")
            name = ground.site.pipeline.database.name
            await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await connection.execute(CUT)


class LockedTable(Fault):
    """Somebody holds a table of the views in an open transaction."""

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} locked", "postgres", DATABASE_SECONDS)
        self._table, self._held = table, AsyncExitStack()

    async def inject(self, ground: Ground) -> None:
        """Lock the table of the live generation."""
        connection = await self._held.enter_async_context(ground.site.pipeline.connected())
        number = await connection.fetchval("SELECT number FROM ledger.generation WHERE state = 'live'")
        await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'; BEGIN")
        try:
            await connection.execute(f"LOCK TABLE view_{number}.{self._table} IN ACCESS EXCLUSIVE MODE")
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.UndefinedTableError):
            self.note = "not locked"

    async def heal(self, ground: Ground) -> None:
        """Let it go."""
        await self._held.aclose()
