"""Reads log files as `tail` does: their last lines, then what is appended, also to a replaced file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.cli.output import print_line

_TAIL_BYTES: Final = 1 << 20
_POLL_SECONDS: Final = 0.2


class LogFile:
    """A log file, read from near its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset, self._rest = 0, 0, b""

    def last(self, count: int) -> list[str]:
        """Return the last `count` lines. Reading continues after them."""
        size = self._path.stat().st_size
        self._inode, self._offset = self._path.stat().st_ino, max(0, size - _TAIL_BYTES)
        lines = self.added()
        return lines[-count:] if count else []

    def added(self) -> list[str]:
        """Return the complete lines written since the last call."""
        try:
            with self._path.open("rb") as file:
                self._notice_new_file()
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _notice_new_file(self) -> None:
        state = self._path.stat()
        if state.st_ino != self._inode or state.st_size < self._offset:
            self._inode, self._offset, self._rest = state.st_ino, 0, b""


def show(paths: Mapping[str, Path], lines: int, *, follows: bool) -> None:
    """Print the last lines of each file and, if `follows` is set, what is appended to any of them.

    If there are several files, each line begins with the name of its file.
    """
    files = {name: LogFile(path) for name, path in paths.items()}
    width = max(map(len, files)) if len(files) > 1 else 0
    for name, file in files.items():
        _print(name, width, file.last(lines))
    while follows:
        for name, file in files.items():
            _print(name, width, file.added())
        time.sleep(_POLL_SECONDS)


def _print(name: str, width: int, lines: list[str]) -> None:
    for line in lines:
        print_line(f"{name:<{width}} | {line}" if width else line)
