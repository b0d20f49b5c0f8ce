"""Parses the body of a request into events, in their order. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from schemas.formats import exact_json
from schemas.formats.value_count import MOST_VALUES, surely_exceeds
from schemas.formats.violations import type_name
from services.ingest.errors import (
    JSON,
    MAX_EVENTS,
    MAX_VALUES,
    MEDIA_TYPES,
    invalid_body,
    too_many_events,
    too_many_values,
    unsupported,
)

NOT_JSON: Final = object()
"""Stands for a line that is not JSON."""
SHORT_LINE_BYTES: Final = 16 * 1024
"""A shorter line is parsed in well under a millisecond."""
_LINES: Final = ("application/x-ndjson", "application/ndjson")
_EVENTS: Final = "one event or an array of events"


def events_in(headers: Mapping[str, str], body: bytes) -> Iterable[Any]:
    """Return the events of a body: one event, an array, one event per line, or CloudEvents binary mode.

    The media type says whether the body has lines. A line that is not JSON becomes NOT_JSON; short lines are
    parsed while the caller iterates. Raises RejectedRequest when the body as a whole is unreadable (400), has
    too many events or values (413), or has an unsupported encoding, media type or charset (415).
    """
    media_type = _media_type(headers, MEDIA_TYPES)
    if not body.strip():
        raise invalid_body("The body is empty")
    if surely_exceeds(body, MAX_VALUES):
        raise too_many_values()
    if media_type in _LINES:
        return _lines(body)
    if "ce-specversion" in headers:
        found = [_binary_mode(headers, _document(body, "the data of one event"))]
    else:
        document = _document(body, _EVENTS)
        found = document if isinstance(document, list) else [document]
    if not found:
        raise invalid_body("The array is empty: expected at least one event")
    if len(found) > MAX_EVENTS:
        raise too_many_events()
    return found


def json_in(headers: Mapping[str, str], body: bytes, expected: str) -> Any:
    """Return the object or array of a request whose media type must be `application/json`; `expected`
    describes it in errors. Raises RejectedRequest (400, 415)."""
    _media_type(headers, (JSON,))
    if surely_exceeds(body):
        raise invalid_body(f"More than {MOST_VALUES} values")
    return _document(body, expected)


def _media_type(headers: Mapping[str, str], accepted: Sequence[str]) -> str:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise unsupported("This Content-Encoding", ("identity",))
    media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    if media_type.strip() not in accepted:
        raise unsupported("This Content-Type", accepted)
    name, _, charset = parameters.partition("=")
    if name.strip() == "charset" and charset.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
        raise unsupported("This charset", ("utf-8",))
    return media_type.strip()


def _document(body: bytes, expected: str) -> Any:
    try:
        document = exact_json.loads(body)
    except ValueError:
        raise invalid_body(f"The body is not JSON in UTF-8: expected {expected}") from None
    if not isinstance(document, dict | list):
        raise invalid_body(f"Found type {type_name(document)} in the body: expected {expected}")
    return document


def _lines(body: bytes) -> Iterable[Any]:
    lines = [line for line in body.split(b"\n") if not line.isspace() and line]
    if len(lines) > MAX_EVENTS:
        raise too_many_events()
    found = [line if len(line) <= SHORT_LINE_BYTES else _line(line) for line in lines]
    return (_line(event) if isinstance(event, bytes) else event for event in found)


def _line(line: bytes) -> Any:
    try:
        return exact_json.loads(line)
    except ValueError:
        return NOT_JSON


def _binary_mode(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    context = {
        name.removeprefix("ce-"): unquote(value, errors="replace")
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    return {**context, "datacontenttype": "application/json", "data": data}
