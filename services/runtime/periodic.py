"""Periodic background work of a process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from schemas.errors import Transient

_log = structlog.get_logger()


class Periodic:
    """Repeats a piece of work, with a pause after each round, until it is stopped.

    A failure does not end it. A Transient is logged as a warning. Any other exception is logged as an error
    with its type only, because its text may hold personal data. The next round follows after the usual pause.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[Any]],
        every_seconds: float,
        *,
        at_once: bool = True,
    ) -> None:
        """`name` identifies the work in log lines. Unless `at_once`, the first round follows a pause."""
        self._name, self._work, self._every, self._at_once = name, work, every_seconds, at_once
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the background task."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Cancel the background task, also in the middle of a round. A second call does nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        if not self._at_once:
            await asyncio.sleep(self._every)
        while True:
            try:
                await self._work()
            except Transient as error:
                _log.warning("periodic_work_failed", work=self._name, error=str(error))
            except Exception as error:
                _log.error("periodic_work_failed", work=self._name, error=type(error).__name__)
            await asyncio.sleep(self._every)
