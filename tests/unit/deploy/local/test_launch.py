"""A process of the local stack gets a port that no other process uses."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.failure import StackFailure
from deploy.local.processes import ProcessCommand
from deploy.local.stack import Launch, LocalStack, Ports

SHARING_SERVER = """
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
while True:
    server.accept()
"""


async def at_once(_pid: int) -> bool:
    return True


def launch(code: str) -> Launch:
    return Launch(
        ("management",),
        lambda chosen: ProcessCommand((sys.executable, "-c", code, str(chosen["management"])), {}),
        lambda chosen: at_once,
        budget_s=10,
    )


@pytest.fixture(autouse=True)
def _nothing_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITA_MANAGEMENT_PORT", raising=False)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalStack]:
    """A stack whose processes are ended with the test."""
    stack = LocalStack(tmp_path / "state")
    stack.state.create()
    yield stack
    await stack.stop("management", budget_s=0)


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of another program that is willing to share it, as some servers are."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def test_the_port_is_kept(local: LocalStack) -> None:
    """A process that is started again has the port that it had."""
    first = await local.launch("management", launch(SHARING_SERVER))
    await local.stop("management")
    assert await local.launch("management", launch(SHARING_SERVER)) == first


async def test_a_port_that_is_shared_is_given_up(
    local: LocalStack, stranger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stacks that choose one port concurrently do not respond for each other."""
    choices = iter([stranger])
    choose = ports.choose
    monkeypatch.setattr(ports, "choose", lambda *args, **more: next(choices, None) or choose(*args, **more))
    chosen: Ports = await local.launch("management", launch(SHARING_SERVER))
    assert chosen["management"] != stranger
    process = local.processes.find("management")
    assert process is not None
    assert ports.listens(process.pid, chosen["management"])


async def test_a_process_that_fails_on_a_free_port_is_not_tried_again(local: LocalStack) -> None:
    """Another port would not help a program that ends by itself."""
    code = "print('broken', flush=True)"
    with pytest.raises(StackFailure, match="broken"):
        await local.launch("management", launch(code))
    assert local.state.log("management").read_text() == "broken\n"


async def test_a_port_that_was_taken_for_a_moment_is_given_up(local: LocalStack, tmp_path: Path) -> None:
    """If the other program has ended by the time of the check, the process's own error counts."""
    failed = tmp_path / "failed"
    code = f"""
import pathlib, sys
if not pathlib.Path({str(failed)!r}).exists():
    pathlib.Path({str(failed)!r}).write_text(sys.argv[1])
    sys.exit("java.net.BindException: Address already in use")
"""
    chosen = await local.launch("management", launch(code + SHARING_SERVER))
    assert chosen["management"] != int(failed.read_text())


async def test_two_that_give_up_one_port_do_not_give_up_both(
    local: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who met another on a port tries the next one, also when the other has left it meanwhile."""
    contested = iter([True])
    monkeypatch.setattr(ports, "is_contested", lambda pid, port: next(contested, False))
    lost = ports.choose("management", None)
    chosen = await local.launch("management", launch(SHARING_SERVER))
    assert chosen["management"] != lost


async def test_a_moved_address_is_said(local: LocalStack) -> None:
    """A port that another program has at the next start: the process moves, and the user reads from where."""
    first = (await local.launch("management", launch(SHARING_SERVER)))["management"]
    assert local.moves == []
    await local.stop("management")
    with socket.create_server(("127.0.0.1", first)):
        moved = (await local.launch("management", launch(SHARING_SERVER)))["management"]
    assert moved != first
    (message,) = local.moves
    assert f"from port {first} to port {moved}" in message
    assert "VITA_MANAGEMENT_PORT" in message


async def test_a_pinned_port_is_used_or_refused(
    local: LocalStack, stranger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running process goes over to the pinned port and stays there; a port of another program is refused
    by its name, and so is what is no port."""
    await local.launch("management", launch(SHARING_SERVER))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    monkeypatch.setenv("VITA_MANAGEMENT_PORT", str(free))
    for _ in range(2):
        assert await local.launch("management", launch(SHARING_SERVER)) == {"management": free}
    monkeypatch.setenv("VITA_MANAGEMENT_PORT", str(stranger))
    with pytest.raises(StackFailure, match=rf"VITA_MANAGEMENT_PORT(.|\n)*{os.getpid()}"):
        await local.launch("management", launch(SHARING_SERVER))
    for wrong in ("8o80", "0", "65536", "-1"):
        monkeypatch.setenv("VITA_MANAGEMENT_PORT", wrong)
        with pytest.raises(StackFailure, match="number from 1 to 65535"):
            await local.launch("management", launch(SHARING_SERVER))
