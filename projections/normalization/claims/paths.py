"""Paths to values inside claims: parsing, formatting and resolving them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

Key = str | int
Path = tuple[Key, ...]


class Found(NamedTuple):
    """A value, the path of its claim, and the paths it uses up: nothing below `used` becomes a leftover."""

    value: Any
    path: Path
    used: Path


def parse(spelling: str) -> Path:
    """Parse `emails[0].value` into ("emails", 0, "value"). A name with a colon is a URI and is not split."""
    if ":" in spelling:
        return (spelling,)
    parts = spelling.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts)


def spell(path: Iterable[Key]) -> str:
    """Return the text of a path, as shown in `sources`; the inverse of `parse`."""
    spelling = ""
    for key in path:
        if isinstance(key, int):
            spelling += f"[{key}]"
        else:
            spelling += f".{key}" if spelling else key
    return spelling


def descend(value: Any, path: Path) -> Any:
    """Return the value at `path` below `value`, or None."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value
