"""The command line in this process, away from the stacks and variables of the machine it runs on."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.services import Stack, remember_stack
from deploy.local.state import StateFolder
from deploy.roles import LOGINS
from services.cli import addresses, main, output
from tests.support.fake_vita import FakeVita


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


Vita = Callable[..., Ran]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No stack, no VITA_ variables."""
    for name in [name for name in os.environ if name.startswith("VITA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VITA_STATE_DIR", str(tmp_path / ".vita"))
    monkeypatch.setenv("COLUMNS", "200")
    _forget()
    yield
    _forget()


@pytest.fixture
def vita(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vita:
    """`vita(*arguments, stdin=...)`, as a shell would run it."""

    def run(*arguments: str, stdin: str = "") -> Ran:
        _forget()
        monkeypatch.setattr(sys, "argv", ["vita", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main.main()
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def fake() -> Iterator[FakeVita]:
    """A stand-in for the services."""
    with FakeVita() as running:
        yield running


@pytest.fixture
def local(fake: FakeVita, tmp_path: Path) -> Stack:
    """A local stack whose services are the stand-in, its client included."""
    state = StateFolder(tmp_path / ".vita")
    stack = Stack(
        state_dir=state.path,
        kafka_bootstrap="127.0.0.1:1",
        postgres_admin_url="postgresql://p:q@127.0.0.1:1/postgres",
        database="vita",
        management_url=fake.url,
        ingest_url=fake.url,
    )
    with state.lock():
        remember_stack(stack, state)
        stack.passwords.make(LOGINS)
    (state.path / "client.json").write_text('{"tenant": "demo", "client_id": "c1", "client_secret": "s\'1"}')
    fake.answers("POST", "/oauth/token", 200, {"access_token": "h.t.s"})
    return stack


def _forget() -> None:
    for remembered in (addresses.local_stack, output.out, output.setup_console, output.stderr_console):
        remembered.cache_clear()
