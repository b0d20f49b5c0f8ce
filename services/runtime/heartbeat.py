"""Signs of life in the ledger: what `vita status` reads."""

import asyncio
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import structlog

from schemas.errors import Transient
from services.runtime.database import database_failures
from services.runtime.sql import load

PERIOD_SECONDS = 1.0
_log = structlog.get_logger()


class Heartbeat:
    """Counts what a process handles and writes one row about it every second."""

    def __init__(self, pool: asyncpg.Pool, worker: str) -> None:
        self._pool = pool
        self._worker = worker
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._started_at = datetime.now(UTC)
        self._handled = self._reported = 0
        self._last_beat = time.monotonic()
        self._not_authentic = 0
        self._last_error: str | None = None
        self._last_error_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def handled(self, count: int) -> None:
        """So many events were brought to their end."""
        self._handled += count

    def failed(self, error: BaseException) -> None:
        """Something went wrong; the text must hold no personal data."""
        self._last_error, self._last_error_at = f"{type(error).__name__}: {error}"[:500], datetime.now(UTC)

    def refused(self, place: str) -> None:
        """A record was not authentic: somebody who can write to the topic forges records, or the ledger's
        keys are not those of this log. The count is part of the last error that `vita status` shows."""
        self._not_authentic += 1
        self._last_error = f"NotAuthentic: {self._not_authentic} records since the start, last {place}"
        self._last_error_at = datetime.now(UTC)

    async def start(self) -> None:
        """Writes the first row and goes on every second until stopped."""
        await self._beat()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Takes the row away: a process that ended well is not missed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(Transient), database_failures():
            await self._pool.execute(
                load("services.runtime", "heartbeat.sql")["end"], self._worker, self._instance
            )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            try:
                await self._beat()
            except Transient as error:
                _log.warning("heartbeat_missed", error=str(error))

    async def _beat(self) -> None:
        now = time.monotonic()
        rate = (self._handled - self._reported) / max(now - self._last_beat, 0.001)
        self._reported, self._last_beat = self._handled, now
        with database_failures():
            await self._pool.execute(
                load("services.runtime", "heartbeat.sql")["beat"],
                self._worker, self._instance, os.getpid(), socket.gethostname(), self._started_at,
                self._handled, rate, self._last_error, self._last_error_at,
            )  # fmt: skip
