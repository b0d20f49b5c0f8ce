"""Pages of lists, and the cursors that continue after a page."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from starlette.responses import Response

from schemas.sealing.blobs import CannotUnseal
from services.management.cursors import list_of
from services.management.http import responses
from services.management.http.models.paging import AnyPage, CheckpointPage, OffsetPage
from services.management.http.requests import Call
from services.runtime.rejection import Rejected, Rejection, invalid, violation

DEFAULT_TAKE: Final = 50
BAD_CURSOR: Final = invalid(violation("Query", "Not a cursor of this list", "from"), "invalid_query_string")
T = TypeVar("T")


def cursor(call: Call, position: str) -> str:
    """Return the cursor for a position in the requested list."""
    return call.service.storage.cursors.seal(position, _list_of(call))


def cursor_position(call: Call, text: str | None, rejection: Rejection = BAD_CURSOR) -> str:
    """Return the position that a cursor of the requested list contains, "" (the beginning) if `text` is None.
    Raises Rejected (`rejection`) for any other text."""
    if not text:
        return ""
    try:
        return call.service.storage.cursors.open(text, _list_of(call))
    except CannotUnseal:
        raise Rejected(rejection) from None


def _list_of(call: Call) -> bytes:
    parameters = {name: call.path(name) for name in call.request.path_params}
    return list_of(call.tenant, call.operation.path, parameters, call.query)


def by_checkpoint(query: OffsetPage | CheckpointPage) -> bool:
    """Whether the request pages by cursor."""
    if isinstance(query, OffsetPage) and not isinstance(query, AnyPage):
        return False
    return not isinstance(query, OffsetPage) or query.take is not None or query.after is not None


def answer(
    call: Call,
    items: Sequence[T],
    key: str,
    position: Callable[[T], str],
    show: Callable[[T], Any] = lambda item: item,
) -> Response:
    """Return the requested page of `items`, the whole list in order. `position` returns a unique sort key of
    an item, `show` its public form."""
    query: OffsetPage | CheckpointPage = call.query
    ordered = sorted(items, key=position)
    if by_checkpoint(query):
        asked, take = query.after, query.take or DEFAULT_TAKE  # type: ignore[union-attr]
        after = cursor_position(call, asked)
        rest = [item for item in ordered if position(item) > after] if asked else ordered
        last = position(rest[take - 1]) if len(rest) > take else None
        return after_cursor(call, [show(item) for item in rest[:take]], key, last)
    assert isinstance(query, OffsetPage)
    start = query.page * query.per_page
    shown = [show(item) for item in ordered[start : start + query.per_page]]
    return at_offset(shown, query, key, len(ordered))


def at_offset(shown: Sequence[Any], query: OffsetPage, key: str, total: int) -> Response:
    """Return an array, or with totals `{<key>, start, limit, total}`."""
    if not query.include_totals:
        return responses.value(shown)
    start = query.page * query.per_page
    return responses.value({key: shown, "start": start, "limit": query.per_page, "total": total})


def after_cursor(call: Call, shown: Sequence[Any], key: str, last: str | None) -> Response:
    """Return `{<key>, next}`, without `next` on the last page. `last` is the position of the last item, None
    if no more items follow."""
    return responses.value({key: shown} if last is None else {key: shown, "next": cursor(call, last)})
