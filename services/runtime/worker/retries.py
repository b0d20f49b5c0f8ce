"""Retries actions that fail with Transient, without a limit on the number of attempts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from schemas.errors import Transient

_log = structlog.get_logger()

FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0


class Retries:
    """Repeats actions with backoff until they succeed or the worker stops."""

    def __init__(
        self, group: str, stopping: asyncio.Event, report: Callable[[Transient | None], None]
    ) -> None:
        """Create the retries of one worker.

        `group` names the worker in log lines. `report` is called with each failure, and with None when an
        action succeeds after a failure.
        """
        self._group, self._stopping, self._report = group, stopping, report

    async def until_done(self, action: Callable[[], Awaitable[None]], event: str = "batch_retried") -> bool:
        """Repeat the action until it succeeds and return True, or False if the worker stops first. Each
        failure is logged as `event`."""
        delay, failed = FIRST_BACKOFF_SECONDS, False
        while True:
            try:
                await action()
            except Transient as error:
                failed = True
                self._report(error)
                _log.warning(event, group=self._group, error=str(error))
                if await self.stops_within(delay):
                    return False
                delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)
            else:
                if failed:
                    self._report(None)
                return True

    async def stops_within(self, seconds: float) -> bool:
        """Wait until the worker stops, for at most `seconds`; return whether it stops."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
