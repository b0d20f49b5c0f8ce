"""Cursors: where a walk through a list goes on, bound to the list it was made for.

A cursor holds the place of the last person shown and a digest of the list (tenant, query, order); it is
checked, not secret: all that a forged one reaches is another place of a list its bearer may read anyway. It
does not expire.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from schemas import exact_json
from services.management.refusals import Refused, bad_request, violation
from services.management.search.fields import Column
from services.management.search.ordering import Order, Place
from services.management.search.values import BIGGEST

_DIGEST_BYTES: Final = 12
_SUBJECT_CHARACTERS: Final = 64


def not_a_cursor(name: str) -> Refused:
    """400: not one of ours, or one of another list."""
    reason = "Not a cursor of this list"
    return Refused(bad_request(violation("Query", reason, name, "Where to go on"), "invalid_query_string"))


def cursor(place: Place, listed: Sequence[str]) -> str:
    """The text for a place in the list that these words name."""
    key = place.key.isoformat() if isinstance(place.key, datetime) else place.key
    body = exact_json.dumps([key, place.subject])
    return base64.urlsafe_b64encode(_digest(listed, body) + body).decode().rstrip("=")


def place_of(text: str, listed: Sequence[str], order: Order, name: str) -> Place:
    """The place behind a cursor. Raises Refused (400) unless it was made for this list and order."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if digest != _digest(listed, body):
            raise not_a_cursor(name)
        match exact_json.loads(body):
            case [key, subject]:
                return Place(_key(key, order), _subject(subject))
        raise not_a_cursor(name)
    except (ValueError, OverflowError):
        raise not_a_cursor(name) from None


def _digest(listed: Sequence[str], body: bytes) -> bytes:
    hasher = hashlib.blake2b(exact_json.dumps(list(listed)), digest_size=_DIGEST_BYTES)
    hasher.update(body)
    return hasher.digest()


def _subject(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > _SUBJECT_CHARACTERS or "\x00" in value:
        raise ValueError("no subject")
    return value


def _key(value: Any, order: Order) -> str | bool | int | datetime | None:
    """The value as the type that the order compares."""
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
        case (("text" | "folded"), str()) if "\x00" not in value:
            text: str = value
            return text
        case "number", int() if type(value) is int and abs(value) <= BIGGEST:
            whole: int = value
            return whole
    raise ValueError("another type")
