"""Cursors hold a place, belong to one list, and cannot be bent."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from services.management.refusals import Refused
from services.management.search.fields import COLUMNS, Path
from services.management.search.ordering import Order, Place
from services.management.search.walking import _digest, cursor, place_of

LIST = ("demo", "name:a*", "", "")
BY_NAME, BY_LOGINS = Order(COLUMNS["name"], complete=False), Order(COLUMNS["logins_count"], complete=False)
BY_CREATION = Order(COLUMNS["created_at"])


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (Order(), None),
        (BY_NAME, "jäne"),
        (BY_NAME, None),
        (BY_LOGINS, 3),
        (Order(COLUMNS["blocked"], complete=False), True),
        (BY_CREATION, datetime(2026, 1, 1, 1, 2, 3, 456000, UTC)),
        (Order(Path("user_metadata.a"), complete=False), "n1"),
    ],
)
def test_a_place_survives(order: Order, key: Any) -> None:
    """Whatever the list is sorted by."""
    place = Place(key, "sub_1")
    assert place_of(cursor(place, LIST), LIST, order, "cursor") == place


@pytest.mark.parametrize(
    "other", [("other", *LIST[1:]), ("demo", "name:b*", "", ""), ("demo", "name:a*", "name:1", "")]
)
def test_a_cursor_is_of_one_list(other: tuple[str, ...]) -> None:
    """Another tenant, query or order refuses it."""
    with pytest.raises(Refused) as caught:
        place_of(cursor(Place("a", "sub_1"), LIST), other, BY_NAME, "cursor")
    assert caught.value.refusal.status == 400
    assert caught.value.refusal.error_code == "invalid_query_string"


def forged(body: bytes) -> str:
    """A cursor by somebody who knows how the digest is made."""
    return base64.urlsafe_b64encode(_digest(LIST, body) + body).decode()


@pytest.mark.parametrize(
    "text",
    [
        "x", "é", "====", "a" * 5000, forged(b""), forged(b"null"), forged(b"[1]"), forged(b'["a",1]'),
        forged(b'["a","sub_1",2]'), forged(b'["\\u0000","sub_1"]'), forged(b'["a","\\u0000"]'),
        forged(b"[[],\"a\"]"),
        forged(b'[1,"sub_1"]'), forged(b'[true,"sub_1"]'), forged(b"\xff"), forged(b"[" * 5000),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """With 400, however well it is forged."""
    with pytest.raises(Refused):
        place_of(text, LIST, BY_NAME, "cursor")


@pytest.mark.parametrize(
    ("order", "body"),
    [
        (BY_LOGINS, b'[true,"sub_1"]'),
        (BY_LOGINS, b'[9223372036854775808,"sub_1"]'),
        (BY_CREATION, b'[null,"sub_1"]'),
        (BY_CREATION, b'["now","sub_1"]'),
        (BY_CREATION, b'["0001-01-01T00:00:00+01:00","sub_1"]'),
        (Order(), b'["a","sub_1"]'),
    ],
)
def test_a_key_has_the_type_of_the_order(order: Order, body: bytes) -> None:
    """What the database could not compare is refused before it gets there."""
    with pytest.raises(Refused):
        place_of(forged(body), LIST, order, "cursor")
