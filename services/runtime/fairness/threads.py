"""Runs work that would block the event loop for too long in threads that tenants share.

Work in Python blocks the loop for at most the interpreter's switch interval at a time. Work that releases the
GIL, such as hashing a password, does not block it. A thread that becomes free goes to the waiting tenant that
uses the fewest threads.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

from schemas.errors import Transient
from services.runtime.fairness.current_request import spend
from services.runtime.fairness.gate import FairGate

PATIENCE_SECONDS: Final = 5.0
WAITING: Final = 1000
"""Requests of one tenant that may wait."""
Result = TypeVar("Result")


class FairThreads:
    """A pool of threads. One tenant may use all of them while no other tenant waits.

    If `counted`, the processor time of the work is added to what the tenant has used (`LoopShares.spend`).
    """

    def __init__(self, what: str, threads: int, waiting: int = WAITING, *, counted: bool = True) -> None:
        self._what, self._counted = what, counted
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=what)
        self._gate = FairGate(what, threads, threads, waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def run(self, tenant: str, work: Callable[[], Result]) -> Result:
        """Return the result of the work, and raise what it raises. Raises OverShare when too many requests of
        the tenant wait, Transient when no thread becomes free in time."""
        try:
            async with self._gate.place(tenant, PATIENCE_SECONDS):
                return await self._done(work)
        except TimeoutError:
            raise Transient(f"{self._what}: no thread in time") from None

    async def _done(self, work: Callable[[], Result]) -> Result:
        used = 0.0

        def measured() -> Result:
            nonlocal used
            began = time.thread_time()
            try:
                return work()
            finally:
                used = time.thread_time() - began

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, measured)
        finally:
            if self._counted:
                spend(used)
