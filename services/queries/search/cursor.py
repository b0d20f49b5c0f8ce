"""The position at which a paged search continues, that of the last user returned, as the text inside a
cursor."""

from datetime import UTC, datetime
from typing import Any

from schemas.formats import exact_json
from services.queries.search.fields import Column
from services.queries.search.ordering import CursorPosition, Order
from services.runtime.rejection import Rejection, invalid, violation


def not_a_cursor(name: str) -> Rejection:
    """Return the rejection of a text that is not a cursor of this list."""
    reason = "Not a cursor of this list"
    return invalid(violation("Query", reason, name, "Where to go on"), "invalid_query_string")


def text_of(position: CursorPosition) -> str:
    """Return the text for a position."""
    key = position.key.isoformat() if isinstance(position.key, datetime) else position.key
    return exact_json.dumps([key, position.subject]).decode()


def position_in(text: str, order: Order) -> CursorPosition:
    """Return the position in a text that `text_of` made. Raises ValueError when it does not fit the order, as
    with an order that another version of the service chose."""
    match exact_json.loads(text):
        case [key, str(subject)]:
            return CursorPosition(_key(key, order), subject)
    raise ValueError("not a position")


def _key(value: Any, order: Order) -> str | bool | int | datetime | None:
    """Return the value as the type that the order compares."""
    if value is None:
        if order.target is not None and order.complete:
            raise ValueError("everybody has a value")
        return None
    if order.target is None:
        raise ValueError("nothing to sort by")
    match order.target.kind if isinstance(order.target, Column) else "text", value:
        case "instant", str():
            return datetime.fromisoformat(value).astimezone(UTC)
        case "flag", bool():
            return value is True
        case (("text" | "folded"), str(text)):
            return text
        case "number", int(whole) if type(value) is int:
            return whole
    raise ValueError("another type")
