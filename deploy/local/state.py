"""The state folder of a checkout: one private place for addresses, secrets, logs and data."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO, Any

from deploy.local.failure import StackFailure
from deploy.private_files import write_private

FOLDERS = ("logs", "keys")
CHECKOUT = Path(__file__).parents[2]


def default_state_dir() -> Path:
    """VITA_STATE_DIR, else the folder `.vita` of the checkout, or of the working folder outside of one."""
    named = os.environ.get("VITA_STATE_DIR")
    if named:
        return Path(named)
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / ".vita"


class StateFolder:
    """Owns the folder; nobody else on the machine may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._writing = threading.Lock()

    def create(self) -> None:
        """Make the folder and its fixed parts, private to the user."""
        for folder in (self.path, *(self.path / name for name in FOLDERS)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.path / "logs" / f"{name}.log"

    def read(self) -> dict[str, Any]:
        """What is known of the stack; of a stack that was never started, nothing."""
        try:
            content = json.loads((self.path / "stack.json").read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StackFailure(
                f"{self.path / 'stack.json'} cannot be read: {error}",
                "remove that file, then run `make up` again",
            ) from error
        return content if isinstance(content, dict) else {}

    def update(self, **changes: Any) -> dict[str, Any]:
        """Merge the changes one level deep, write the file in one step; only the holder of the lock may."""
        with self._writing:
            content = self.read()
            for name, value in changes.items():
                known = content.get(name)
                content[name] = (
                    known | value if isinstance(known, dict) and isinstance(value, dict) else value
                )
            write_private(self.path / "stack.json", json.dumps(content, indent=2).encode() + b"\n")
        return content

    @contextlib.contextmanager
    def lock(self, on_wait: Callable[[], None] = lambda: None, budget_s: float = 300) -> Iterator[None]:
        """Let one command at a time change the stack; the kernel frees the lock when its holder dies."""
        deadline = time.monotonic() + budget_s
        with contextlib.ExitStack() as stack:
            while (file := self._try_lock()) is None:
                on_wait()
                on_wait = _nothing
                if time.monotonic() > deadline:
                    raise StackFailure(
                        "another command has been changing this stack for minutes",
                        "look for a second `make up` or `make down` of this checkout, let it end or stop it",
                    )
                time.sleep(0.1)
            stack.enter_context(file)
            self._remove_leftovers()
            yield

    def _try_lock(self) -> IO[str] | None:
        """The locked file, or None while another has it or has just removed it together with the folder."""
        self.create()
        path = self.path / "lock"
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        file.close()
        return None

    def remove(self, keep: Collection[str] = ()) -> None:
        """Take the folder away, data and secrets included, but for the parts to keep."""
        for part in self.path.iterdir():
            if part.name in keep:
                continue
            if part.is_dir():
                _remove_folder(part)
            else:
                part.unlink()
        if not keep:
            self.path.rmdir()

    def build(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder `name`, whole or not at all: `make` fills a temporary one that is then renamed."""
        folder = self.path / name
        if not folder.exists():
            unfinished = self.path / f"{name}.unfinished-{secrets.token_hex(4)}"
            unfinished.mkdir(mode=0o700)
            make(unfinished)
            unfinished.rename(folder)
        return folder

    def _remove_leftovers(self) -> None:
        for unfinished in self.path.glob("*.unfinished-*"):
            if unfinished.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
            else:
                unfinished.unlink(missing_ok=True)


def _nothing() -> None:
    """Waiting is told once."""


def _remove_folder(folder: Path) -> None:
    """A server's last process may still delete files of its own meanwhile."""
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
