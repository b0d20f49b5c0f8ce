"""A start that is killed or interrupted at any moment is repaired by the next one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest
import pytest_asyncio

from deploy.local.processes import MARK
from deploy.local.servers import kafka, postgres
from deploy.local.stack import LocalStack
from services.runtime.settings import kafka_from
from tests.support.repository import ROOT


@pytest.fixture(scope="module", autouse=True)
def hearing() -> Iterator[None]:
    """What is started hears SIGINT, which what runs in the background of a script otherwise does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """A stack that each test finds as the one before left it, with nothing of it running at the end."""
    stack = LocalStack(tmp_path_factory.mktemp("interrupted") / "state")
    stack.state.create()
    yield stack
    with stack.state.lock():
        await stack.stop("kafka", budget_s=0)
        await stack.stop_all()


def start(local: LocalStack) -> "subprocess.Popen[str]":
    """The command in its own session, as a terminal starts it."""
    argv = [sys.executable, "-m", "deploy.local", "infrastructure", "--state", str(local.state.path)]
    return subprocess.Popen(
        argv, cwd=ROOT, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


async def end(command: "subprocess.Popen[str]") -> dict[str, str]:
    """Wait for the command; the exports that it printed."""
    output, _ = await asyncio.to_thread(command.communicate)
    return dict(line.removeprefix("export ").split("=", 1) for line in output.splitlines())


def leaders(local: LocalStack) -> list[str]:
    """The processes of the stack, by what their environment says, however they came to be."""
    mark = f"{local.state.path}#"
    return sorted(
        process.info["environ"][MARK].removeprefix(mark)
        for process in psutil.process_iter(["environ", "status"])
        if (process.info["environ"] or {}).get(MARK, "").startswith(mark)
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and os.getsid(process.pid) == process.pid
    )


async def both_answer(exports: dict[str, str]) -> bool:
    return await kafka.answers(kafka_from(exports)) and await postgres.answers(
        exports["VITA_POSTGRES_ADMIN_URL"]
    )


async def test_a_killed_start_is_repaired_by_the_next(local: LocalStack) -> None:
    """SIGKILL while data folders are made and while servers start: the next start brings up one of each."""
    moments: list[Callable[[], object]] = [
        lambda: list(local.state.path.glob("postgres.unfinished-*/data/base")),
        lambda: list(local.state.path.glob("kafka.unfinished-*/format.properties")),
        lambda: local.processes.find("postgres"),
        lambda: local.processes.find("kafka"),
    ]
    for moment in moments:
        command = start(local)
        while not moment() and command.poll() is None:
            await asyncio.sleep(0.005)
        os.killpg(command.pid, signal.SIGKILL)
        assert await end(command) == {}
    exports = await end(start(local))
    assert await both_answer(exports)
    assert leaders(local) == ["kafka", "postgres"]
    assert list(local.state.path.glob("*unfinished*")) == []


async def test_ctrl_c_stops_what_was_starting(local: LocalStack) -> None:
    """An interrupted start leaves no process that is not ready, and the next start continues."""
    with local.state.lock():
        await local.stop("kafka", budget_s=0)
    command = start(local)
    while not local.processes.find("kafka"):
        await asyncio.sleep(0.005)
    os.killpg(command.pid, signal.SIGINT)
    await end(command)
    assert "kafka" not in leaders(local)
    assert await both_answer(await end(start(local)))


async def test_data_outlives_a_crash_of_the_machine(local: LocalStack) -> None:
    """Servers that were killed at once restart at their addresses with their passwords."""
    before = await end(start(local))
    for info in local.status():
        assert info.pid is not None
        os.kill(info.pid, signal.SIGKILL)
    while leaders(local):
        await asyncio.sleep(0.01)
    after = await end(start(local))
    assert after == before
    assert await both_answer(after)
