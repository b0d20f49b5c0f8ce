"""Log entries past their tenant's retention, deleted now and then.

Reads leave them out from the moment they are too old, so it does not matter when they go: a generation being
built again has the same entries to show as the one that was pruned.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from projections.log_entry.entry import first_id
from schemas.errors import Transient
from services.runtime.database import database_failures
from services.runtime.sql import load

EVERY_SECONDS: Final = 600.0
AT_ONCE: Final = 5_000
"""Rows of one statement: no transaction of this is long."""
_log = structlog.get_logger()


class Pruner:
    """Deletes while the projector runs; several may at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins at once, then goes on periodically."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def prune(self, now: datetime) -> int:
        """Deletes what is too old by now; how many entries. Raises Transient."""
        queries, pruned = load("services.projector"), 0
        with database_failures():
            for row in await self._pool.fetch(queries["retentions"]):
                oldest = first_id(now - timedelta(days=row["days"]))
                while True:
                    status = await self._pool.execute(queries["prune"], row["tenant"], oldest, AT_ONCE)
                    deleted = int(status.removeprefix("DELETE "))
                    pruned += deleted
                    if deleted < AT_ONCE:
                        break
        return pruned

    async def _run(self) -> None:
        while True:
            try:
                pruned = await self.prune(datetime.now(UTC))
                if pruned:
                    _log.info("log_entries_pruned", count=pruned)
            except Transient as error:
                _log.warning("pruning_failed", error=str(error))
            await asyncio.sleep(EVERY_SECONDS)
