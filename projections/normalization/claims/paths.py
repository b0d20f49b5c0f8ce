"""Where a value lies inside claims: paths, their spelling, and the step from one to its value."""

from collections.abc import Iterable
from typing import Any, NamedTuple

Key = str | int
Path = tuple[Key, ...]


class Found(NamedTuple):
    """A value, the claim it was read from, and what that uses up: nothing below `used` is a leftover."""

    value: Any
    path: Path
    used: Path


def parse(spelling: str) -> Path:
    """`emails[0].value` -> ("emails", 0, "value"); a name with a colon is a URI and never split."""
    if ":" in spelling:
        return (spelling,)
    parts = spelling.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts)


def spell(path: Iterable[Key]) -> str:
    """The inverse of `parse`, as shown in `sources`."""
    spelling = ""
    for key in path:
        if isinstance(key, int):
            spelling += f"[{key}]"
        else:
            spelling += f".{key}" if spelling else key
    return spelling


def descend(value: Any, path: Path) -> Any:
    """The value at `path` below `value`, or None."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value
