"""A process of the local stack gets ports of its own."""

import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.failure import StackFailure
from deploy.local.processes import Command
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
        lambda chosen: Command((sys.executable, "-c", code, str(chosen["management"])), {}),
        lambda chosen: at_once,
        budget_s=10,
    )


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
    """Two stacks that choose one port at the same moment do not answer for each other."""
    choices = iter([stranger])
    choose = ports.choose
    monkeypatch.setattr(ports, "choose", lambda *args: next(choices, None) or choose(*args))
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
