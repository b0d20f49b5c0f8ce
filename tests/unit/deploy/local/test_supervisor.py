"""What dies in a local stack is started again, within limits."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local.failure import StackFailure
from deploy.local.processes import ProcessCommand, Processes
from deploy.local.state import StateFolder
from deploy.local.supervisor import (
    LONGEST_PAUSE_SECONDS,
    MOST_ENDS,
    STABLE_SECONDS,
    Supervisor,
    Watched,
    pause_seconds,
    read_supervision,
)

SLEEPER = ProcessCommand(("/bin/sleep", "300"), {"VITA_CODE": "1"})
BROKEN = ProcessCommand(("/bin/sh", "-c", "echo broken; exit 1"), {})


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A state folder with one supervised process, `worker`."""

    state: StateFolder
    processes: Processes
    supervisor: Supervisor
    clock: Clock

    def pid(self) -> int | None:
        process = self.processes.find("worker")
        return None if process is None else int(process.pid)

    async def kill(self) -> None:
        """As the machine kills: at once and without a word."""
        pid = self.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while self.pid() is not None:
            await asyncio.sleep(0)

    async def ended(self) -> None:
        """Waits for a process that ends by itself."""
        while self.pid() is not None:
            await asyncio.sleep(0)

    def shown(self) -> tuple[str, int]:
        supervision = read_supervision(self.state)
        assert supervision is not None
        worker = supervision.processes["worker"]
        return worker["state"], worker["restarts"]


async def at_once(_pid: int) -> bool:
    return True


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """What a test leaves running is ended."""
    state = StateFolder(tmp_path / "state")
    state.create()
    state.update(supervised=["worker"])
    processes, clock = Processes(state), Clock()
    yield World(state, processes, Supervisor(state, processes, clock), clock)
    await processes.stop("worker", budget_s=0)


async def test_a_killed_process_is_back_at_once(world: World) -> None:
    """With the command of its last start, so that `make up` leaves it alone."""
    await world.processes.ensure("worker", SLEEPER, at_once)
    await world.supervisor.look()
    assert world.shown() == ("watched", 0)
    first = world.pid()
    await world.kill()
    await world.supervisor.look()
    assert world.pid() not in (None, first)
    assert world.shown() == ("watched", 1)
    process = world.processes.find("worker")
    assert process is not None
    assert process.environ()["VITA_CODE"] == "1"
    assert await world.processes.ensure("worker", SLEEPER, at_once) is False


async def test_a_process_that_ends_again_and_again_is_given_up(world: World) -> None:
    """After pauses that grow; what is said of it names the last line of its log."""
    with suppress(StackFailure):  # it may end before it has been seen to run
        await world.processes.ensure("worker", BROKEN, at_once)
    await world.ended()
    starts = []
    for _ in range(1000):
        await world.supervisor.look()
        if len(starts) < world.shown()[1]:
            starts.append(world.clock.now)
        await world.ended()
        world.clock.now += 0.5
    assert len(starts) == MOST_ENDS
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= LONGEST_PAUSE_SECONDS
    assert world.shown() == ("given up", MOST_ENDS)
    supervision = read_supervision(world.state)
    assert supervision is not None
    worker = supervision.processes["worker"]
    assert (worker["log"], worker["line"]) == (str(world.state.log("worker")), MOST_ENDS + 1)


async def test_make_up_begins_anew(world: World) -> None:
    """A process that was given up is watched again once somebody has started it."""
    gave_up = Watched(pid=1, ends=MOST_ENDS).seen(None, 0.0)
    assert gave_up.state == "given up"
    assert not gave_up.is_due(1e9)
    again = gave_up.seen(2, 1e9)
    assert (again.state, again.ends) == ("watched", 0)
    assert again.seen(None, 1e9).is_due(1e9)


def test_ends_add_up_until_the_process_is_stable() -> None:
    """A process that ran for a while is started again at once."""
    ended = Watched(pid=1, running_since=0.0, ends=3).seen(None, STABLE_SECONDS - 1)
    assert (ended.ends, ended.is_due(STABLE_SECONDS - 1)) == (4, False)
    stable = Watched(pid=1, running_since=0.0, ends=3).seen(1, STABLE_SECONDS).seen(None, STABLE_SECONDS)
    assert (stable.ends, stable.is_due(STABLE_SECONDS)) == (1, True)
    assert pause_seconds(0) == 0


async def test_nothing_is_started_while_a_command_changes_the_stack(world: World) -> None:
    """`make down` stops processes on purpose; afterwards what is still wanted is started."""
    await world.processes.ensure("worker", SLEEPER, at_once)
    await world.supervisor.look()
    with world.state.lock():
        await world.kill()
        await world.supervisor.look()
        assert world.pid() is None
        assert world.shown() == ("waiting", 0)
    await world.supervisor.look()
    assert world.pid() is not None


async def test_only_what_is_wanted_is_started(world: World) -> None:
    """A part that another `make up` no longer needs stays stopped."""
    await world.processes.ensure("worker", SLEEPER, at_once)
    await world.supervisor.look()
    world.state.update(supervised=[])
    await world.kill()
    await world.supervisor.look()
    assert world.pid() is None


async def test_a_command_that_cannot_be_started_counts_as_an_end(world: World, tmp_path: Path) -> None:
    """The supervisor goes on, also for the others."""
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    await world.processes.ensure("worker", ProcessCommand((str(program), "300"), {}), at_once)
    await world.supervisor.look()
    program.unlink()
    await world.kill()
    await world.supervisor.look()
    assert world.pid() is None
    assert world.shown() == ("watched", 1)
    await world.supervisor.look()
    assert world.shown() == ("waiting", 1)
