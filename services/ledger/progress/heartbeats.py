"""Signs of life in the ledger: what `vita status` reads."""

import asyncio
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from schemas.errors import Transient
from services.runtime.periodic import FailurePolicy, Periodic, Readiness
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection, database_failures
from services.runtime.worker.consumer import State

PERIOD_SECONDS = 1.0
ERROR_SHOWN: Final = timedelta(minutes=5)
"""An error is no longer shown this long after the process recovered from it."""
LAST_WORD_SECONDS: Final = 5.0


class Heartbeat:
    """Counts what a process handles and writes one row about it every second."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        worker: str,
        readiness: Readiness,
        policy: FailurePolicy | None = None,
        notice: str | None = None,
    ) -> None:
        """`readiness` is reported with the process: its state is `retrying` while one of its loops fails.
        `policy` applies to the heartbeat's own loop, `readiness` if None. `notice` is what an operator must
        see although the process is well."""
        self._pool, self._readiness = pool, readiness
        self._worker, self._notice = worker, notice
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._started_at = datetime.now(UTC)
        self._handled = self._reported = 0
        self._last_beat = time.monotonic()
        self._not_authentic = 0
        self._last_error: str | None = None
        self._last_error_at: datetime | None = None
        self._state: State = "up"
        self._reason: str | None = None
        self._beating = Periodic("heartbeat", self._beat, PERIOD_SECONDS, policy or readiness, at_once=False)

    def handled(self, count: int) -> None:
        """Count events that were brought to their end; a process that handles events is up."""
        self._handled += count
        self.working()

    def working(self) -> None:
        """The process is up again after a failure that passed."""
        if self._state == "retrying":
            self._state, self._reason = "up", None

    def failed(self, error: BaseException) -> None:
        """Report an error; its text must hold no personal data."""
        self._last_error, self._last_error_at = f"{type(error).__name__}: {error}"[:500], datetime.now(UTC)

    def refused(self, place: str) -> None:
        """Count a record that was not authentic: a party with write access to the topic forges records, or
        the ledger's keys belong to another log. The count is part of the last error that `vita status`
        shows."""
        self._not_authentic += 1
        self._last_error = f"NotAuthentic: {self._not_authentic} records since the start, last {place}"
        self._last_error_at = datetime.now(UTC)

    def retrying(self, error: BaseException) -> None:
        """Report that the process waits for its surroundings and tries again."""
        self.failed(error)
        self._state, self._reason = "retrying", str(error)[:500]

    def warn(self, notice: str | None) -> None:
        """Show an operator a warning although the process is healthy; None takes it back."""
        self._notice = notice

    def obstacle(self) -> str | None:
        """Return why the process is not up; None when it is."""
        state, reason = self._shown()
        return None if state == "up" else f"it is {state}: {reason}"

    async def ends(self, state: State, reason: str) -> None:
        """Leave a last row that says why the process ends."""
        self._state, self._reason = state, reason[:500]
        self._last_error, self._last_error_at = self._reason, datetime.now(UTC)
        await self._beating.stop()
        with suppress(Transient, TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._beat()

    async def start(self) -> None:
        """Write the first row, then one every second until stopped."""
        with database_failures():
            await self._pool.execute(_query("forget"), self._worker)
        await self._beat()
        self._beating.start()

    async def stop(self) -> None:
        """Takes the row away if the process ended well; otherwise its row says why it ended."""
        await self._beating.stop()
        if self._state in ("stuck", "failed"):
            return
        with suppress(Transient), database_failures():
            await self._pool.execute(_query("end"), self._worker, self._instance)

    async def _beat(self) -> None:
        now = time.monotonic()
        rate = (self._handled - self._reported) / max(now - self._last_beat, 0.001)
        self._reported, self._last_beat = self._handled, now
        self._forget_old_error()
        state, reason = self._shown()
        with database_failures():
            await self._pool.execute(
                _query("beat"),
                self._worker, self._instance, os.getpid(), socket.gethostname(), self._started_at,
                self._handled, rate, self._last_error, self._last_error_at, state, reason, self._notice,
            )  # fmt: skip

    def _shown(self) -> tuple[State, str | None]:
        failing = self._readiness.failing
        if self._state != "up" or not failing:
            return self._state, self._reason
        loops = ", ".join(f"{loop} ({error})" for loop, error in sorted(failing.items()))
        return "retrying", f"background work fails: {loops}"[:500]

    def _forget_old_error(self) -> None:
        old = self._last_error_at is not None and datetime.now(UTC) - self._last_error_at > ERROR_SHOWN
        if old and self._state == "up":
            self._last_error = self._last_error_at = None


async def latest_beat(connection: DatabaseConnection, worker: str, host: str) -> asyncpg.Record | None:
    """Return the state of the process of a worker that started last on a host: `state`, `reason`,
    `is_alive`; None if none has started."""
    return await connection.fetchrow(_query("latest"), worker, host)


async def list_beats(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return the heartbeats of all processes that are alive or whose end is still worth reporting, by worker
    and instance; `seen_seconds_ago` is by the database's clock."""
    return await connection.fetch(_query("list_beats"))


def _query(name: str) -> str:
    return load("services.ledger.progress", "heartbeats.sql")[name]
