"""The services as processes, and their keeper, which starts again what has ended.

Only processes that were started here are ever signalled, by their own handle.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.harness.process import FAIL_POINTS
from tests.support.repository import ROOT

WORKERS: Final = ("normalizer", "projector", "auditor")
DOORS: Final = ("ingest", "management")
SERVICES: Final = (*WORKERS, *DOORS)
POLL_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 2.0
LASTING_SECONDS: Final = 10.0
"""A process that has run for so long is started again without a pause."""


@dataclass
class Member:
    """One process of a service that is to run; `number` 0 is the one that always does."""

    service: str
    number: int
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    backoff: float = 0.0

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self.process is not None and self.process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


@dataclass
class Fleet:
    """The processes of one installation. `environments` is what each service needs in its environment."""

    folder: Path
    environments: Mapping[str, Mapping[str, str]]
    members: dict[tuple[str, int], Member] = field(default_factory=dict)
    exits: list[tuple[str, int]] = field(default_factory=list)
    """Service and exit code of every process that ended without being asked to."""
    _keeping: "asyncio.Task[None] | None" = None

    def of(self, service: str) -> Iterator[Member]:
        """The members of a service."""
        return (member for (name, _), member in list(self.members.items()) if name == service)

    def first(self, service: str) -> Member:
        """The member of a service that always is to run."""
        return self.members[service, 0]

    async def add(self, service: str, number: int = 0) -> Member:
        """Have one more process of a service."""
        member = self.members[service, number] = Member(service, number)
        await self._start(member)
        return member

    async def remove(self, service: str, number: int, how: signal.Signals = signal.SIGTERM) -> None:
        """Have one process less, ended by a signal; killed when it does not end."""
        member = self.members.pop((service, number), None)
        if member is not None:
            await _ended(member, how)

    def keep(self) -> None:
        """From now on start again what ends."""
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Kill all processes."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        for member in list(self.members.values()):
            await _ended(member, signal.SIGKILL)
        self.members.clear()

    def arm(self, point: str) -> None:
        """Have the next process die that passes a fail point."""
        (self._points / point).touch()

    def is_armed(self, point: str) -> bool:
        """Whether no process has died there yet."""
        return (self._points / point).exists()

    def disarm(self, point: str) -> bool:
        """Take the fail point back; return whether no process has died there."""
        try:
            (self._points / point).unlink()
        except FileNotFoundError:
            return False
        return True

    @property
    def _points(self) -> Path:
        return self.folder / "fail_points"

    async def _start(self, member: Member) -> None:
        self._points.mkdir(parents=True, exist_ok=True)
        environment = {FAIL_POINTS: str(self._points), **self.environments[member.service]}
        member.started = time.monotonic()
        with (self.folder / f"{member.service}-{member.number}.log").open("ab") as log:
            member.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.harness.process", f"services.{member.service}",
                env={**os.environ, **environment}, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip

    async def _keep(self) -> None:
        while True:
            for key, member in list(self.members.items()):
                if member.runs or member.process is None:
                    continue
                now, code = time.monotonic(), member.process.returncode
                if now - member.started > LASTING_SECONDS:
                    member.backoff = 0.0
                if now - member.started < member.backoff:
                    continue
                self.exits.append((member.service, code or 0))
                member.backoff = min(LONGEST_BACKOFF_SECONDS, 2 * member.backoff + 0.25)
                if key in self.members:
                    await self._start(member)
            await asyncio.sleep(POLL_SECONDS)


async def _ended(member: Member, how: signal.Signals) -> None:
    process = member.process
    if process is None or process.returncode is not None:
        return
    member.send(signal.SIGCONT)
    member.send(how)
    try:
        await asyncio.wait_for(process.wait(), 30)
    except TimeoutError:
        member.send(signal.SIGKILL)
        await process.wait()
