"""PostgreSQL and Kafka start from a checkout that only its owner can enter: root or an ordinary user."""

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import kafka, postgres
from services.runtime.settings import kafka_from
from tests.support.private_checkout import PrivateCheckout, make_private_checkout

ORDINARY_USER = "daemon"
"""A user without a right to anything; one with a name, on which PostgreSQL insists."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a blank and a non-ASCII letter in its name, which every user can reach."""
    base = Path(tempfile.mkdtemp(dir="/var/tmp"))
    base.chmod(0o755)
    made = base / "privé checkout"
    made.mkdir()
    yield made
    shutil.rmtree(base)


def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")


async def starts(checkout: PrivateCheckout) -> None:
    """Start both servers, see that they answer, end them."""
    try:
        started = checkout.run("deploy.local", "infrastructure", "--state", str(checkout.state))
        assert started.returncode == 0, started.stderr
        lines = started.stdout.splitlines()
        exports = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        assert await kafka.answers(kafka_from(exports))
        assert await postgres.answers(exports["VITA_POSTGRES_ADMIN_URL"])
    finally:
        stopped = checkout.run("deploy.local", "stop", "--state", str(checkout.state))
    assert sorted(stopped.stdout.splitlines()) == ["stopped kafka", "stopped postgres"]


async def test_root_starts_from_a_private_folder(folder: Path) -> None:
    """Checkout, packages, cache, home and state of root with mode 700 and umask 077: both servers start."""
    needs_root()
    checkout = make_private_checkout(folder, 0)
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "packages")} == {0o700}
    await starts(checkout)


async def test_an_ordinary_user_starts_without_any_privilege(folder: Path) -> None:
    """A user who is not root and has access to one folder only starts both servers."""
    needs_root()
    checkout = make_private_checkout(folder, pwd.getpwnam(ORDINARY_USER).pw_uid)
    if checkout.run("platform").returncode != 0:
        pytest.skip(f"an ordinary user cannot run a copy of {sys.executable} on this machine")
    await starts(checkout)
