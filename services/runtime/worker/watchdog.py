"""Ends a process that makes no progress although records wait.

There are two kinds of stall. When the worker waits for an event that does not occur, `Watchdog` reports the
reason. When the event loop itself is blocked, only another thread can detect it: the interpreter then writes
a traceback (files, lines and functions, no values) and ends the process.
"""

import asyncio
import faulthandler
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.errors import Transient

PERIOD_SECONDS: Final = 0.5
ASK_AGAIN_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 15.0

Reason = Callable[[], Awaitable[str | None]]
"""Returns why the worker makes no progress; None if no records wait. Raises Transient if that cannot be
determined."""


class Watchdog:
    """Determines the reason for a stall when no progress was reported for `seconds`."""

    def __init__(self, seconds: float, reason: Reason, report: Callable[[Transient | None], None]) -> None:
        self._seconds = seconds
        self._reason = reason
        self._report = report
        self._progress_at = time.monotonic()

    def progressed(self) -> None:
        """Record that the worker made progress, or that it reports its failure elsewhere."""
        self._progress_at = time.monotonic()

    async def stalled(self) -> str:
        """Wait until the worker is stuck and return the reason. Reports an unreachable broker, and None when
        the broker answers again."""
        unreachable = False
        try:
            while True:
                limit_exit(self._seconds + GRACE_SECONDS)
                await asyncio.sleep(ASK_AGAIN_SECONDS if unreachable else PERIOD_SECONDS)
                if not unreachable and time.monotonic() - self._progress_at < self._seconds:
                    continue
                try:
                    reason = await self._reason()
                except Transient as error:
                    unreachable = True
                    self._report(error)
                    continue
                if reason is not None and not unreachable:
                    return f"no progress for {self._seconds:g} s while records wait: {reason}"
                unreachable = False
                self.progressed()
                self._report(None)
        finally:
            faulthandler.cancel_dump_traceback_later()


def limit_exit(seconds: float) -> None:
    """End the process in `seconds`, unless this function is called again or the timer is cancelled before."""
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
