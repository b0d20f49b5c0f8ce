"""Work that a process does in the background, again and again, for as long as it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from schemas.errors import Transient

_log = structlog.get_logger()


class Periodic:
    """Does a piece of work every so many seconds until it is stopped.

    No failure ends it: what is Transient is logged as a warning, anything else as an error by its type alone,
    since its text may hold personal data; the work is tried again when its time comes.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[Any]],
        every_seconds: float,
        *,
        at_once: bool = True,
    ) -> None:
        """`name` is what log lines call the work; without `at_once` the first round waits its time too."""
        self._name, self._work, self._every, self._at_once = name, work, every_seconds, at_once
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends, also in the middle of a round; a second call does nothing."""
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
