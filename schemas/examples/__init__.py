"""One file per event version, for ever: `<type>.v<version>[.<what it shows>].json`; events opened, logins as
sent."""

from functools import cache
from importlib.resources import files
from typing import Any

from schemas.formats import exact_json


@cache
def all_names() -> tuple[str, ...]:
    """The names of all example files."""
    return tuple(
        sorted(path.name for path in files("schemas.examples").iterdir() if path.name.endswith(".json"))
    )


def names_of(event_type: str) -> tuple[str, ...]:
    """The examples of one event type, in the order of their names."""
    return tuple(name for name in all_names() if load_example(name)["type"] == event_type)


def read_example(name: str) -> bytes:
    """The bytes of one example file."""
    return (files("schemas.examples") / name).read_bytes()


@cache
def load_example(name: str) -> Any:
    """What one example file says; not to be changed."""
    return exact_json.loads(read_example(name))
