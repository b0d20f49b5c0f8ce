"""Starts, recognises and stops detached processes. A crash of the starter cannot confuse a later start.

A process is recognised only if its environment carries the mark of this state folder and name. A recycled
process id is therefore never taken for one, and a process whose starter died before recording its id is
found.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local.failure import StackFailure
from deploy.local.state import StateFolder

MARK = "VITA_PROCESS"
POLL_S = 0.05
LEFTOVER_BUDGET_S = 5.0
LOG_LIMIT_BYTES = 20_000_000

Ready = Callable[[int], Awaitable[bool]]
"""Called repeatedly with the process id until it returns True."""


@dataclass(frozen=True)
class ProcessInfo:
    """The present state of a process of the stack."""

    name: str
    pid: int | None
    alive: bool
    started_at: float | None
    log_path: Path


@dataclass(frozen=True)
class ProcessCommand:
    """What to run: the program with its arguments, and the variables added to the starter's environment."""

    argv: Sequence[str]
    env: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def fingerprint(self) -> str:
        """A hash that differs if a running process is not what would be started now."""
        parts = [*self.argv, *(f"{name}={value}" for name, value in sorted(self.env.items()))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Processes:
    """The processes of one state folder."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    async def ensure(self, name: str, command: ProcessCommand, ready: Ready, budget_s: float = 120) -> bool:
        """Start the process unless it runs, and wait until it is ready; return whether it was started.

        A start that fails leaves no process behind. Raises StackFailure when the process ends, or is not
        ready within `budget_s` seconds.
        """
        started = not self._runs(name, command)
        if started:
            await self.stop(name)
            self._start(name, command)
        try:
            await self._until_ready(name, ready, budget_s)
        except BaseException:
            await self.stop(name)
            raise
        return started

    async def restart(self, name: str) -> int | None:
        """Start a process that ended again, by the command that started it last, without waiting until it is
        ready; its process id. Returns None if it runs or was never started.

        Raises StackFailure when it cannot be started.
        """
        command = self._recorded_command(name)
        if command is None or self.find(name) is not None:
            return None
        await self.stop(name)
        return self._start(name, command)

    async def stop(self, name: str, budget_s: float = 20) -> bool:
        """Ask the process to end, and kill it after `budget_s` seconds; return whether it ran.

        Children that outlive it are killed too.
        """
        leader = self.find(name)
        if leader is not None:
            await _end([leader], self._stop_signal(name), budget_s)
        leftovers = list(self._marked(name))
        await _end(leftovers, signal.SIGTERM, LEFTOVER_BUDGET_S)
        return leader is not None or bool(leftovers)

    def find(self, name: str) -> psutil.Process | None:
        """Return the running process of that name, or None."""
        process = _process(self._record(name).get("pid"))
        if process is not None and _is_marked(process, self._mark(name)):
            return process
        return next((process for process in self._marked(name) if _leads(process)), None)

    def status(self) -> list[ProcessInfo]:
        """Return every process that was ever started here, in the order of the first start."""
        return [self._info(name) for name in self._state.read().get("processes", {})]

    def _info(self, name: str) -> ProcessInfo:
        process = self.find(name)
        log = self._state.log(name)
        if process is None:
            return ProcessInfo(name, None, False, None, log)
        return ProcessInfo(name, process.pid, True, process.create_time(), log)

    def _runs(self, name: str, command: ProcessCommand) -> bool:
        return self.find(name) is not None and self._record(name).get("fingerprint") == command.fingerprint

    def _start(self, name: str, command: ProcessCommand) -> int:
        log = self._state.log(name)
        _roll(log)
        env = {**os.environ, **command.env, MARK: self._mark(name)}
        try:
            pid = _spawn_detached(command.argv, env, log)
        except OSError as error:
            raise StackFailure(
                f"{name} could not be started: {error}", "run `make clean`, then `make up`"
            ) from error
        record: dict[str, object] = {
            "pid": pid,
            "started_at": time.time(),
            "fingerprint": command.fingerprint,
            "argv": list(command.argv),
            "env": dict(command.env),
            "stop_signal": command.stop_signal.value,
        }
        self._state.update(processes={name: record})
        return pid

    def _recorded_command(self, name: str) -> ProcessCommand | None:
        """Return the command that started the process last, None if there is none."""
        known = self._state.read().get("processes", {}).get(name, {})
        if "argv" not in known:
            return None
        return ProcessCommand(known["argv"], known["env"], signal.Signals(known["stop_signal"]))

    async def _until_ready(self, name: str, ready: Ready, budget_s: float) -> None:
        deadline = time.monotonic() + budget_s
        while (process := self.find(name) or self._starting(name)) is not None:
            if await ready(process.pid):
                return
            if time.monotonic() > deadline:
                raise StackFailure(
                    f"{name} runs but was not ready within {budget_s:.0f} seconds",
                    "read the log above; `make up` tries again",
                    self._state.log(name),
                )
            await asyncio.sleep(POLL_S)
        raise StackFailure(
            f"{name} ended while it was starting",
            "read the log above; `make up` tries again",
            self._state.log(name),
        )

    def _starting(self, name: str) -> psutil.Process | None:
        """Return a process that was just started, whose environment reads as empty during its exec."""
        return _process(self._record(name).get("pid"))

    def _marked(self, name: str) -> Iterator[psutil.Process]:
        mark = self._mark(name)
        return (process for process in psutil.process_iter() if _is_marked(process, mark))

    def _stop_signal(self, name: str) -> signal.Signals:
        number = self._record(name).get("stop_signal")
        return signal.Signals(number) if isinstance(number, int) else signal.SIGTERM

    def _mark(self, name: str) -> str:
        return f"{self._state.path}#{name}"

    def _record(self, name: str) -> dict[str, object]:
        record: dict[str, object] = self._state.read().get("processes", {}).get(name, {})
        return record


def _process(pid: object) -> psutil.Process | None:
    if not isinstance(pid, int):
        return None
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _is_marked(process: psutil.Process, mark: str) -> bool:
    """Return whether the process runs (a zombie does not) and was started under the mark."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(process.pid)
            return False
        return bool(process.environ().get(MARK) == mark)
    except (psutil.Error, OSError):
        return False


def _leads(process: psutil.Process) -> bool:
    """Return whether the process leads its session; started processes do, their children do not."""
    with contextlib.suppress(OSError):
        return bool(os.getsid(process.pid) == process.pid)
    return False


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


async def _end(processes: list[psutil.Process], number: signal.Signals, budget_s: float) -> None:
    for process in processes:
        _signal(process, number)
    if await _until_gone(processes, budget_s):
        return
    for process in processes:
        _signal(process, signal.SIGKILL)
    await _until_gone(processes, budget_s)


async def _until_gone(family: list[psutil.Process], budget_s: float) -> bool:
    deadline = time.monotonic() + budget_s
    while any(_is_alive(process) for process in family):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def _is_alive(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(process.pid)
            return False
        return bool(process.is_running())
    except psutil.NoSuchProcess:
        return False


def _roll(log: Path) -> None:
    """Rename a large log file; one older file is kept."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.old"))


def _spawn_detached(argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own, detached from the terminal, with output to the log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        list(argv),
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE),
    )
