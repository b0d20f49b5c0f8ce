"""Ends a process that makes no progress while it should.

Two kinds of stall: the worker waits for something that does not come, which `Watchdog` reports with its
reason; and the event loop itself stands still, which only another thread can notice: the interpreter then
writes where it stands (files, lines and functions, no values) and ends the process.
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
"""Why the worker does not make progress; None when nothing waits. Raises Transient when that is unknown."""


class Watchdog:
    """Asks for the reason of a stall when no progress was reported for some time."""

    def __init__(self, seconds: float, reason: Reason, report: Callable[[Transient | None], None]) -> None:
        self._seconds = seconds
        self._reason = reason
        self._report = report
        self._progress_at = time.monotonic()

    def progressed(self) -> None:
        """The worker has brought something to its end, or knows why it has not."""
        self._progress_at = time.monotonic()

    async def stalled(self) -> str:
        """Returns the reason once the worker is stuck, and not before. Reports a broker that does not answer,
        and None when it answers again."""
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
    """End the process in so many seconds unless this is called again, or cancelled, before."""
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
