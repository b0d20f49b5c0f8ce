"""Example files, one per event version and kept for ever: `<type>.v<version>[.<variant>].json`.

Events are stored unsealed, raw logins as they are sent.
"""

from functools import cache
from importlib.resources import files
from typing import Any

from schemas.formats import exact_json


@cache
def all_names() -> tuple[str, ...]:
    """Return the names of all example files."""
    return tuple(
        sorted(path.name for path in files("schemas.examples").iterdir() if path.name.endswith(".json"))
    )


def names_of(event_type: str) -> tuple[str, ...]:
    """Return the names of an event type's examples, sorted."""
    return tuple(name for name in all_names() if load_example(name)["type"] == event_type)


def read_example(name: str) -> bytes:
    """Return the bytes of an example file."""
    return (files("schemas.examples") / name).read_bytes()


@cache
def load_example(name: str) -> Any:
    """Return the JSON value of an example file. It is cached, so callers must not change it."""
    return exact_json.loads(read_example(name))
