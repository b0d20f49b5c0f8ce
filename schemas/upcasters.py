"""One-step upcasters, chained at read time: consumers only ever see the newest version of an event.

Each takes the opened data of version n and returns that of version n + 1 as a new dict.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES

Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(event type, version it reads) -> the step to the next version. Empty while every event is at version 1."""


def current_version(event_type: str) -> int:
    """The newest version of an event type. Raises InvalidEvent for a type nobody knows."""
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
    """The newest version and its data. Raises InvalidEvent when a step is missing or the event comes from the
    future."""
    newest = current_version(event_type)
    while version < newest:
        step = steps.get((event_type, version))
        if step is None:
            raise InvalidEvent("unknown_version", f"{event_type} version {version}")
        data, version = step(data), version + 1
    if version > newest:
        raise InvalidEvent("unknown_version", f"{event_type} version {version}")
    return version, data
