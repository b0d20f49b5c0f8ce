"""`python -m deploy.local.supervisor STATE`: starts again what dies in a local stack. `make up` starts it.

It looks at the processes twice a second. One that has ended is started again by the command of its last
start: at once for the first time, then after pauses that double. One that ends again and again is given up;
`vita status` says so, and the next `make up` starts it again. A command that stops a process on purpose stops
the supervisor first.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import structlog

from deploy.local.failure import StackFailure
from deploy.local.processes import ProcessCommand, Processes
from deploy.local.servers import postgres
from deploy.local.services import code_fingerprint
from deploy.local.stack import SUPERVISOR, LocalStack
from deploy.local.state import StackLocked, StateFolder
from services.runtime import logs

POLL_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STABLE_SECONDS: Final = 30.0
"""A process that has run for this long counts as started: ends before it do not add up with later ones."""
MOST_ENDS: Final = 8
"""A process that ends more often in a row, without having been stable in between, is given up."""
_FILE: Final = "supervisor.json"
_log = structlog.get_logger()

Supervised = Literal["watched", "waiting", "given up"]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is known of a process. Times are those of a monotonic clock, in seconds."""

    pid: int | None = None
    running_since: float = 0.0
    ends: int = 0
    """How often it has ended in a row."""
    due_at: float | None = None
    """When it is started again; None while it runs, and once it is given up."""
    given_up: bool = False
    restarts: int = 0
    """How often the supervisor has started it."""
    restarted_at: datetime | None = None

    @property
    def state(self) -> Supervised:
        """Its state, as `vita status` shows it."""
        if self.given_up:
            return "given up"
        return "watched" if self.due_at is None else "waiting"

    def seen(self, pid: int | None, now: float) -> "Watched":
        """Return what is known after a look at the process; `pid` is None if it does not run.

        The count of ends of a process that another command has started begins at zero.
        """
        if pid is None:
            return self if self.given_up or self.due_at is not None else self._ended(now)
        if pid != self.pid:
            return Watched(pid=pid, running_since=now, restarts=self.restarts, restarted_at=self.restarted_at)
        stable = now - self.running_since >= STABLE_SECONDS
        return replace(self, ends=0) if stable and self.ends else self

    def restarted(self, pid: int | None, now: float, at: datetime) -> "Watched":
        """Return what is known after the supervisor has started the process; None if that failed."""
        return replace(
            self, pid=pid, running_since=now, due_at=None, restarts=self.restarts + 1, restarted_at=at
        )

    def is_due(self, now: float) -> bool:
        """Return whether the process is to be started now."""
        return self.due_at is not None and now >= self.due_at

    def _ended(self, now: float) -> "Watched":
        if self.ends >= MOST_ENDS:
            return replace(self, given_up=True)
        return replace(self, ends=self.ends + 1, due_at=now + pause_seconds(self.ends))


def pause_seconds(earlier_ends: int) -> float:
    """Return the time before a process is started again that has ended this often before."""
    return (
        min(FIRST_PAUSE_SECONDS * 2.0 ** (earlier_ends - 1), LONGEST_PAUSE_SECONDS) if earlier_ends else 0.0
    )


class Supervisor:
    """Watches the processes that the state folder names."""

    def __init__(
        self,
        state: StateFolder,
        processes: Processes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._clock = state, clock
        self._processes = processes or Processes(state)
        self._watched: dict[str, Watched] = {}
        self._lines: dict[str, int] = {}
        self._written: object = None

    async def run(self) -> None:
        """Look at the processes until this one is ended."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Look at every process once, start what is due, and write what `read_supervision` reads."""
        names: Sequence[str] = self._state.read().get("supervised", ())
        self._watched = {name: self._watched.get(name, Watched()) for name in names}
        for name in names:
            self._look_at(name)
            if self._watched[name].is_due(self._clock()):
                await self._restart(name)
        self._write()

    def _look_at(self, name: str) -> None:
        process, before = self._processes.find(name), self._watched[name]
        after = before.seen(None if process is None else process.pid, self._clock())
        if after.ends > before.ends or after.given_up > before.given_up:
            self._lines[name] = _lines(self._state.log(name))
            event = "process_given_up" if after.given_up else "process_ended"
            _log.warning(event, process=name, pid=before.pid, ends=after.ends)
        self._watched[name] = after

    async def _restart(self, name: str) -> None:
        try:
            with self._state.lock(budget_s=0):
                if name == "postgres":
                    postgres.forget_the_dead(self._state.path / "postgres" / "data")
                pid = await self._processes.restart(name)
        except StackLocked:
            return  # another command changes the stack: the next look sees what it has made of it
        except StackFailure as failure:
            _log.warning("process_not_started", process=name, reason=failure.problem)
            pid = None
        now = datetime.now(UTC)
        self._watched[name] = self._watched[name].restarted(pid, self._clock(), now)
        _log.info("process_started", process=name, pid=pid)

    def _write(self) -> None:
        shown = {"pid": os.getpid(), "processes": {name: self._shown(name) for name in self._watched}}
        if shown != self._written:
            # the name is none of those that a command removes when it takes the lock
            draft = self._state.path / f"{_FILE}.new"
            draft.write_text(json.dumps(shown, indent=2) + "\n")
            draft.replace(self._state.path / _FILE)
            self._written = shown

    def _shown(self, name: str) -> dict[str, Any]:
        known = self._watched[name]
        return {
            "state": known.state,
            "restarts": known.restarts,
            "restarted_at": None if known.restarted_at is None else known.restarted_at.isoformat(),
            "log": str(self._state.log(name)),
            "line": self._lines.get(name),
        }


@dataclass(frozen=True)
class Supervision:
    """What a supervisor has written: its own process id, None if it does not run, and by process `state`,
    `restarts`, `restarted_at`, `log` and `line`, the number of the last line at the last end."""

    pid: int | None
    processes: Mapping[str, Mapping[str, Any]]


def read_supervision(state: StateFolder) -> Supervision | None:
    """Return what the supervisor of a state folder says; None if there never was one."""
    try:
        written = json.loads((state.path / _FILE).read_bytes())
    except FileNotFoundError:
        return None
    process = Processes(state).find(SUPERVISOR)
    return Supervision(None if process is None else process.pid, written["processes"])


async def ensure_supervisor(local: LocalStack, names: Sequence[str]) -> None:
    """Start the supervisor unless it runs, and have it watch these processes. Raises StackFailure."""
    local.state.update(supervised=list(names))

    async def is_watching(pid: int) -> bool:
        supervision = read_supervision(local.state)
        return supervision is not None and supervision.pid == pid and set(supervision.processes) == set(names)

    module = "deploy.local.supervisor"
    command = ProcessCommand(
        (sys.executable, "-m", module, str(local.state.path)), {"VITA_CODE": code_fingerprint()}
    )
    await local.processes.ensure(SUPERVISOR, command, is_watching)


def _lines(log: Path) -> int:
    try:
        return log.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    logs.configure("json")
    asyncio.run(Supervisor(StateFolder(Path(sys.argv[1]))).run())
