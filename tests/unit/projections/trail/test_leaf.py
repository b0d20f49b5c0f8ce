"""What the trail keeps of a record, whatever the record is."""

from datetime import UTC, datetime
from hashlib import sha256

import orjson
import pytest

from projections.trail.leaf import Leaf, leaf_of
from schemas.sealing.mapper import MAX_BYTES

SUBJECT = "sub_" + "0123456789abcdef" * 2
EVENT = {
    "tenant": "demo",
    "subject": SUBJECT,
    "type": "profile.login.succeeded",
    "time": "2026-11-23T10:00:00.123Z",
}


def open_part(**changed: object) -> tuple[object, ...]:
    return leaf_of(orjson.dumps(EVENT | changed))[1:]


def test_a_leaf_is_the_exact_bytes_and_the_open_envelope() -> None:
    """The hash covers the value byte for byte; tenant, subject, type and time come from the open part."""
    value = orjson.dumps(EVENT)
    assert leaf_of(value) == Leaf(
        sha256(b"\x00" + value).digest(),
        "demo",
        SUBJECT,
        "profile.login.succeeded",
        datetime(2026, 11, 23, 10, 0, 0, 123000, tzinfo=UTC),
    )
    assert leaf_of(value + b" ").hash != leaf_of(value).hash


def test_a_value_too_large_for_an_event_is_not_read() -> None:
    """The leaf of a value that inflates to far more than any event holds its hash only."""
    value = orjson.dumps(EVENT | {"data": "x" * MAX_BYTES})
    assert leaf_of(value) == (sha256(b"\x00" + value).digest(), None, None, None, None)


@pytest.mark.parametrize(
    "value", [None, b"", b"\x00\xff", b"[1]", b"nothing", b'"text"', b"[" * 100_000, b'{"time": NaN}']
)
def test_foreign_bytes_become_a_leaf_without_an_open_part(value: bytes | None) -> None:
    """Bytes that are no event are hashed like any others and leave the columns empty."""
    assert leaf_of(value) == Leaf(sha256(b"\x00" + (value or b"")).digest(), None, None, None, None)


@pytest.mark.parametrize(
    ("column", "name", "value"),
    [
        (1, "subject", "jane@example.com"),
        (1, "subject", SUBJECT + "\n"),
        (1, "subject", 7),
        (0, "tenant", "x" * 5000),
        (0, "tenant", "de\u0000mo"),
        (2, "type", "profile." + "x" * 5000),
        (2, "type", ["profile.login.succeeded"]),
        (3, "time", "yesterday"),
        (3, "time", "2026-11-23T10:00:00"),
        (3, "time", "0001-01-01T00:00:00+14:00"),
        (3, "time", 1_700_000_000),
    ],
)
def test_a_foreign_record_cannot_put_anything_else_into_the_trail(
    column: int, name: str, value: object
) -> None:
    """What is not an opaque subject, a tenant, an event type or an instant stays out, and only that."""
    expected = list(open_part())
    expected[column] = None
    assert list(open_part(**{name: value})) == expected
