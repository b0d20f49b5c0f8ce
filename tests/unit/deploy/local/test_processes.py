"""Detached processes: started, recognised and stopped, whatever became of the command that started them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from deploy.local import processes
from deploy.local.failure import StackFailure
from deploy.local.processes import MARK, ProcessCommand, Processes
from deploy.local.state import StateFolder

SLEEPER = ProcessCommand(("/bin/sleep", "300"), {})


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Processes]:
    """Processes of a new state folder; what a test leaves running is ended."""
    state = StateFolder(tmp_path / "state")
    state.create()
    found = Processes(state)
    yield found
    for info in found.status():
        await found.stop(info.name, budget_s=0)


async def at_once(_pid: int) -> bool:
    return True


async def never(_pid: int) -> bool:
    return False


def pid_of(supervisor: Processes, name: str) -> int:
    process = supervisor.find(name)
    assert process is not None
    return int(process.pid)


def runs(pid: int) -> bool:
    """Whether the process does anything still; one that only waits for its parent's notice does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def kill(supervisor: Processes, name: str) -> None:
    """Kill the process with SIGKILL."""
    os.kill(pid_of(supervisor, name), signal.SIGKILL)
    while supervisor.find(name) is not None:
        await asyncio.sleep(0)


def log_says(supervisor: Processes, name: str, text: str) -> Callable[[int], object]:
    async def ready(_pid: int) -> bool:
        [info] = [info for info in supervisor.status() if info.name == name]
        return info.log_path.exists() and text in info.log_path.read_text()

    return ready


async def test_a_running_process_is_left_alone(supervisor: Processes) -> None:
    """The second start finds the process and starts nothing."""
    assert await supervisor.ensure("worker", SLEEPER, at_once) is True
    first = pid_of(supervisor, "worker")
    assert await supervisor.ensure("worker", SLEEPER, at_once) is False
    assert pid_of(supervisor, "worker") == first


async def test_it_has_a_session_of_its_own(supervisor: Processes) -> None:
    """Ctrl-C in the terminal does not reach it."""
    await supervisor.ensure("worker", SLEEPER, at_once)
    assert os.getsid(pid_of(supervisor, "worker")) != os.getsid(0)


async def test_a_killed_process_is_started_again(supervisor: Processes) -> None:
    """What died by itself is noticed and replaced."""
    await supervisor.ensure("worker", SLEEPER, at_once)
    await kill(supervisor, "worker")
    assert await supervisor.ensure("worker", SLEEPER, at_once) is True
    assert [info.alive for info in supervisor.status()] == [True]


async def test_a_changed_command_replaces_the_process(supervisor: Processes) -> None:
    """A process that is not what would be started now does not stay."""
    await supervisor.ensure("worker", SLEEPER, at_once)
    first = pid_of(supervisor, "worker")
    changed = ProcessCommand(SLEEPER.argv, {"VITA_CODE": "2"})
    assert await supervisor.ensure("worker", changed, at_once) is True
    assert pid_of(supervisor, "worker") != first
    assert not runs(first)


async def test_a_recycled_process_id_is_not_believed(supervisor: Processes, tmp_path: Path) -> None:
    """Another user's program with a remembered process id is neither taken for ours nor killed."""
    stranger = subprocess.Popen(SLEEPER.argv)
    try:
        state = StateFolder(tmp_path / "state")
        state.update(processes={"worker": {"pid": stranger.pid, "fingerprint": SLEEPER.fingerprint}})
        assert supervisor.find("worker") is None
        assert await supervisor.stop("worker") is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_another_checkout_is_another_world(supervisor: Processes, tmp_path: Path) -> None:
    """A copied state folder does not lead to the processes of the original."""
    await supervisor.ensure("worker", SLEEPER, at_once)
    copy = StateFolder(tmp_path / "copy")
    copy.create()
    copy.update(**StateFolder(tmp_path / "state").read())
    assert Processes(copy).find("worker") is None


async def test_an_unrecorded_process_is_found(supervisor: Processes, tmp_path: Path) -> None:
    """A starter killed between starting and writing leaves a process that the next start knows."""
    mark = f"{(tmp_path / 'state').resolve()}#worker"
    with subprocess.Popen(SLEEPER.argv, env={MARK: mark}, start_new_session=True) as lost:
        try:
            # the kernel shows the environment a moment after the program has begun
            while not psutil.Process(lost.pid).environ():
                await asyncio.sleep(0)
            assert pid_of(supervisor, "worker") == lost.pid
            assert await supervisor.stop("worker") is True
            assert not runs(lost.pid)
        finally:
            lost.kill()


async def test_a_start_that_fails_shows_the_log(supervisor: Processes) -> None:
    """The message carries the last lines of the log and says what to do; nothing stays behind."""
    command = ProcessCommand(("/bin/sh", "-c", "echo the disk is full; exit 3"), {})
    with pytest.raises(StackFailure, match=r"the disk is full(.|\n)*What to do"):
        await supervisor.ensure("worker", command, never)
    assert supervisor.find("worker") is None


async def test_a_start_that_takes_too_long_is_given_up(supervisor: Processes) -> None:
    """A process that runs but never gets ready is stopped."""
    with pytest.raises(StackFailure, match="not ready within"):
        await supervisor.ensure("worker", SLEEPER, never, budget_s=0.2)
    assert supervisor.find("worker") is None


async def test_an_interrupted_start_leaves_nothing(supervisor: Processes) -> None:
    """Ctrl-C while a process is starting takes it down."""
    starting = asyncio.create_task(supervisor.ensure("worker", SLEEPER, never))
    while supervisor.find("worker") is None:
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert supervisor.find("worker") is None


async def test_a_process_deaf_to_requests_is_ended(supervisor: Processes) -> None:
    """SIGKILL comes after the budget of SIGTERM."""
    command = ProcessCommand(("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"), {})
    await supervisor.ensure("worker", command, log_says(supervisor, "worker", "deaf"))
    assert await supervisor.stop("worker", budget_s=0.2) is True
    assert supervisor.find("worker") is None


async def test_the_children_of_a_killed_process_go_too(supervisor: Processes, tmp_path: Path) -> None:
    """A server's worker that outlives its server would hold its port; it is ended before the next start."""
    command = ProcessCommand(("/bin/sh", "-c", "sleep 301 & echo child $!; wait"), {})
    await supervisor.ensure("server", command, log_says(supervisor, "server", "child"))
    child = int((tmp_path / "state" / "logs" / "server.log").read_text().split()[1])
    await kill(supervisor, "server")
    await supervisor.ensure("server", SLEEPER, at_once)
    assert not runs(child)


async def test_a_grown_log_is_rolled(
    supervisor: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs do not fill the disk: at a start a large one becomes the one old log."""
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 10)
    logs = tmp_path / "state" / "logs"
    (logs / "worker.log").write_text("old " * 10)
    command = ProcessCommand(
        (sys.executable, "-c", "import time; print('new', flush=True); time.sleep(300)"), {}
    )
    await supervisor.ensure("worker", command, log_says(supervisor, "worker", "new"))
    assert (logs / "worker.log.old").read_text().startswith("old")
    assert (logs / "worker.log").read_text() == "new\n"
