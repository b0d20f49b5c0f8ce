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


class StackLocked(StackFailure):
    """Another command changes the stack."""


def default_state_dir() -> Path:
    """Return VITA_STATE_DIR, otherwise `.vita` in the checkout, or in the working folder outside of one."""
    named = os.environ.get("VITA_STATE_DIR")
    if named:
        return Path(named)
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / ".vita"


class StateFolder:
    """The folder. No other user of the machine may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._writing = threading.Lock()

    def create(self) -> None:
        """Create the folder and its fixed parts, private to the user."""
        for folder in (self.path, *(self.path / name for name in FOLDERS)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.path / "logs" / f"{name}.log"

    def read(self) -> dict[str, Any]:
        """Return the recorded state of the stack, or an empty mapping if it was never started.

        Raises StackFailure when the file is damaged.
        """
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
        """Merge the changes one level deep and replace the file atomically. The caller must hold the lock."""
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
        """Let one command at a time change the stack. The kernel releases the lock when its holder dies.

        `on_wait` is called once if another command holds the lock. Raises StackLocked after `budget_s`
        seconds.
        """
        deadline = time.monotonic() + budget_s
        with contextlib.ExitStack() as stack:
            while (file := self._try_lock()) is None:
                on_wait()
                on_wait = _nothing
                if time.monotonic() > deadline:
                    raise StackLocked(
                        "another command has been changing this stack for minutes",
                        "find the other `make up` or `make down` of this checkout; wait for it or stop it",
                    )
                time.sleep(0.1)
            stack.enter_context(file)
            self._remove_leftovers()
            yield

    def _try_lock(self) -> IO[str] | None:
        """Return the locked file, or None while another command has it or has just removed it with the
        folder."""
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
        """Remove the folder with data and secrets, except for the parts to keep.

        The lock goes last. A command that has waited for it may take the folder over at that moment: what it
        creates stays.
        """
        for part in [part for part in self.path.iterdir() if part.name not in ("lock", *keep)]:
            if part.is_dir():
                _remove_folder(part)
            else:
                part.unlink(missing_ok=True)
        (self.path / "lock").unlink(missing_ok=True)
        if not keep:
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def build(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the folder `name`, created completely or not at all: `make` fills one that is then
        renamed."""
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
    """Replaces `on_wait` after its first call."""


def _remove_folder(folder: Path) -> None:
    """Remove the folder; retried because a server's last process may still delete files in it."""
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
