"""The position of a person in a search survives as the text inside a cursor."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.queries.search.cursor import not_a_cursor, position_in, text_of
from services.queries.search.fields import COLUMNS, Path
from services.queries.search.ordering import CursorPosition, Order

BY_NAME, BY_LOGINS = Order(COLUMNS["name"], complete=False), Order(COLUMNS["logins_count"], complete=False)
BY_CREATION = Order(COLUMNS["created_at"])


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (Order(), None),
        (BY_NAME, "jäne"),
        (BY_NAME, None),
        (BY_LOGINS, 3),
        (BY_LOGINS, 2**63 - 1),
        (Order(COLUMNS["blocked"], complete=False), True),
        (BY_CREATION, datetime(2026, 1, 1, 1, 2, 3, 456000, UTC)),
        (Order(Path("user_metadata.a"), complete=False), "n1"),
    ],
)
def test_a_position_survives(order: Order, key: Any) -> None:
    """Whatever the list is sorted by."""
    position = CursorPosition(key, "sub_1")
    assert position_in(text_of(position), order) == position


@pytest.mark.parametrize(
    ("order", "text", "reason"),
    [
        (BY_NAME, "", "empty"),
        (BY_NAME, "null", "not a position"),
        (BY_NAME, "[1]", "not a position"),
        (BY_NAME, '["a",1]', "not a position"),
        (BY_NAME, '["a","sub_1",2]', "not a position"),
        (BY_NAME, '[[],"sub_1"]', "another type"),
        (BY_NAME, '[1,"sub_1"]', "another type"),
        (BY_NAME, '[true,"sub_1"]', "another type"),
        (BY_LOGINS, '[true,"sub_1"]', "another type"),
        (BY_LOGINS, '["1","sub_1"]', "another type"),
        (BY_CREATION, '[null,"sub_1"]', "everybody has a value"),
        (BY_CREATION, '["now","sub_1"]', "isoformat"),
        (Order(), '["a","sub_1"]', "nothing to sort by"),
    ],
)
def test_a_position_of_another_order_is_none(order: Order, text: str, reason: str) -> None:
    """What the database could not compare is refused before it gets there."""
    with pytest.raises(ValueError, match=reason):
        position_in(text, order)


def test_the_refusal_names_the_parameter() -> None:
    """400 in the documented form."""
    refusal = not_a_cursor("cursor")
    assert (refusal.kind, refusal.code) == ("invalid", "invalid_query_string")
    assert refusal.message == (
        "Query validation error: 'Not a cursor of this list' on property cursor (Where to go on)."
    )
