"""Background loops of a process, and the effect of their failures on it.

A loop repeats rounds of work. A round that fails with Transient is expected to recover: the loop backs off
and tries again. Any other exception is unexpected and may occur in every round from then on. It is logged,
and the failure policy of the loop makes it visible from outside the process.
"""

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from schemas.errors import Transient
from services.runtime.background import start_task
from services.runtime.metrics.catalogue import BACKGROUND_FAILURES
from services.runtime.metrics.meters import count

FIRST_BACKOFF_SECONDS: Final = 0.25
LONGEST_BACKOFF_SECONDS: Final = 2.0
_log = structlog.get_logger()


class FailurePolicy(Protocol):
    """What an unknown failure of a background loop means for its process."""

    def failed(self, loop: str, error: Exception) -> None:
        """A round of the loop of this name failed with an error that is not Transient."""

    def recovered(self, loop: str) -> None:
        """A round of the loop of this name succeeded."""


class Readiness:
    """A failure policy: the process is not ready while the last round of any of its loops failed for an
    unknown reason.

    HTTP services answer 503 at /healthz; a worker's heartbeat reports the state `retrying`. It suits loops
    whose process does useful work without them and that may recover, such as reconnecting to a database.
    """

    def __init__(self) -> None:
        self._failing: dict[str, str] = {}

    @property
    def failing(self) -> dict[str, str]:
        """The names of the loops that fail, each with the type of its last error."""
        return dict(self._failing)

    def failed(self, loop: str, error: Exception) -> None:
        """Count the loop as failing."""
        self._failing[loop] = type(error).__name__

    def recovered(self, loop: str) -> None:
        """Count the loop as working."""
        self._failing.pop(loop, None)


@dataclass(frozen=True, slots=True)
class EndProcess:
    """A failure policy that ends the process with the name of the loop as the reason. It suits loops that the
    process cannot run without, and processes without a readiness probe."""

    end: Callable[[str, Exception], None]

    def failed(self, loop: str, error: Exception) -> None:
        """Ask the process to end."""
        self.end(loop, error)

    def recovered(self, loop: str) -> None:
        """Nothing takes the end back."""


class Periodic:
    """Repeats a piece of work, with a pause after each round, until it is stopped.

    A round that raises Transient is logged as a warning and followed by a pause that grows from
    FIRST_BACKOFF_SECONDS to LONGEST_BACKOFF_SECONDS, but is never shorter than the usual one. Any other
    exception is logged as an error with its type only, because its text may hold personal data, and reported
    to `policy`; the loop goes on with the same pauses.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[Any]],
        every_seconds: float,
        policy: FailurePolicy,
        *,
        at_once: bool = True,
    ) -> None:
        """`name` identifies the loop in log lines and health reports. Unless `at_once`, the first round
        follows a pause."""
        self._name, self._work, self._every = name, work, every_seconds
        self._policy, self._at_once = policy, at_once
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the background task."""
        self._task = start_task(self._run())

    async def stop(self) -> None:
        """Cancel the background task, also in the middle of a round. A second call does nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        if not self._at_once:
            await sleep(self._every)
        while True:
            try:
                await self._work()
            except Transient as error:
                self._failures += 1
                _log.warning("periodic_work_failed", work=self._name, error=str(error))
                count(BACKGROUND_FAILURES, self._name, "transient")
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                self._report(RuntimeError("the work was cancelled by somebody else"))
            except Exception as error:
                self._report(error)
            else:
                self._failures = 0
                self._policy.recovered(self._name)
            await sleep(self._pause())

    def _report(self, error: Exception) -> None:
        self._failures += 1
        _log.error("periodic_work_failed", work=self._name, error=type(error).__name__)
        count(BACKGROUND_FAILURES, self._name, "unknown")
        self._policy.failed(self._name, error)

    def _pause(self) -> float:
        if not self._failures:
            return self._every
        doublings = min(self._failures - 1, 16)
        backoff = min(FIRST_BACKOFF_SECONDS * float(2**doublings), LONGEST_BACKOFF_SECONDS)
        return max(self._every, backoff)


def _is_cancelled() -> bool:
    """Whether the running task itself was cancelled, rather than a task that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
