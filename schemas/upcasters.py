"""One-step upcasters, chained at read time, so that consumers see only the newest version of an event.

An upcaster takes the data of version n and returns that of version n + 1 as a new dict.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES

Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""The step to the next version, by event type and the version it reads. Empty while all events have version
1."""


@cache
def current_version(event_type: str) -> int:
    """Return the newest version of an event type. Raises InvalidEvent when the type does not exist."""
    model = EVENT_TYPES.get(event_type)
    if model is None:
        raise InvalidEvent("unknown_type", event_type[:80])
    version: int = model.model_fields["dataversion"].default
    return version


def upcast(
    event_type: str,
    version: int,
    data: Mapping[str, Any],
    steps: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> tuple[int, Mapping[str, Any]]:
    """Return the newest version and the data in it.

    Raises InvalidEvent when a step is missing, or when the version is newer than the newest one known.
    """
    newest = current_version(event_type)
    while version < newest:
        step = steps.get((event_type, version))
        if step is None:
            raise InvalidEvent("unknown_version", f"{event_type} version {version}")
        data, version = step(data), version + 1
    if version > newest:
        raise InvalidEvent("unknown_version", f"{event_type} version {version}")
    return version, data
