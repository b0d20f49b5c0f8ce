"""Lists cut into pages, and the cursors that go on where a page ended."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from starlette.responses import Response

from services.management import answers
from services.management.models.paging import AnyPage, CheckpointPage, OffsetPage
from services.management.refusals import Refused, bad_request, violation

DEFAULT_TAKE: Final = 50
BAD_CURSOR: Final = bad_request(
    violation("Query", "Not a cursor of this list", "from"), "invalid_query_string"
)
T = TypeVar("T")


def cursor(place: str) -> str:
    """An opaque text for a place in a list."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def place_of(text: str | None) -> str:
    """The place behind a cursor, "" (before everything) without one. Raises Refused (400)."""
    try:
        place = base64.urlsafe_b64decode((text or "").encode("ascii")).decode()
    except ValueError:
        raise Refused(BAD_CURSOR) from None
    if "\x00" in place:
        raise Refused(BAD_CURSOR)
    return place


def by_checkpoint(query: OffsetPage | CheckpointPage) -> bool:
    """Whether the list is walked by cursor."""
    if isinstance(query, OffsetPage) and not isinstance(query, AnyPage):
        return False
    return not isinstance(query, OffsetPage) or query.take is not None or query.after is not None


def answer(
    items: Sequence[T],
    query: OffsetPage | CheckpointPage,
    key: str,
    place: Callable[[T], str],
    show: Callable[[T], Any] = lambda item: item,
) -> Response:
    """The page asked for of a whole list that fits in memory; `place` is unique and orders the list."""
    ordered = sorted(items, key=place)
    if by_checkpoint(query):
        after, take = place_of(query.after), query.take or DEFAULT_TAKE  # type: ignore[union-attr]
        rest = [item for item in ordered if place(item) > after] if after else ordered
        return after_cursor(
            [show(item) for item in rest[:take]], key, place(rest[take - 1]) if len(rest) > take else None
        )
    assert isinstance(query, OffsetPage)
    start = query.page * query.per_page
    shown = [show(item) for item in ordered[start : start + query.per_page]]
    return at_offset(shown, query, key, len(ordered))


def at_offset(shown: Sequence[Any], query: OffsetPage, key: str, total: int) -> Response:
    """An array, or with totals `{<key>, start, limit, total}`."""
    if not query.include_totals:
        return answers.value(shown)
    start = query.page * query.per_page
    return answers.value({key: shown, "start": start, "limit": query.per_page, "total": total})


def after_cursor(shown: Sequence[Any], key: str, last: str | None) -> Response:
    """`{<key>, next}`; no `next` on the last page. `last` is the place of the last item when more follow."""
    return answers.value({key: shown} if last is None else {key: shown, "next": cursor(last)})
