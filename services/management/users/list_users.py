"""GET /users: all users, or those that match a query, in pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from projections.search.value import INDEXED_CHARACTERS, value_text
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.models.paging import listed
from services.management.http.models.results import Explanation, User
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.models import ListUsers
from services.management.users.read_users import tokens_for
from services.queries.search import statements
from services.queries.search.analysis import analyze
from services.queries.search.cost import affordable
from services.queries.search.cursor import not_a_cursor, position_in, text_of
from services.queries.search.explaining import explanation
from services.queries.search.fields import Path
from services.queries.search.ordering import CursorPosition, Order, natural, sorted_by
from services.queries.search.predicates import MATCH_NONE, Equals, Predicate, all_of
from services.queries.search.syntax.parser import QUICK_CHARACTERS, parse
from services.queries.search.syntax.tree import Malformed
from services.runtime.rejection import Rejected, Rejection, invalid, violation

BEGINNING: Final = ("", "*")
_ENGINES: Final[Mapping[str, Rejection]] = {
    "v1": invalid("You are not allowed to use search_engine=v1."),
    "v2": invalid("You are not allowed to use search_engine=v2. Use search_engine=v3 instead."),
}
_KEPT_ANALYSES: Final = 1024


@dataclass(frozen=True, slots=True)
class Search:
    """The condition and the order of a search."""

    predicate: Predicate
    order: Order


async def list_users(call: Call) -> Response:
    """Return a page of users, by number or after a cursor; with `explain`, how the query would be
    executed."""
    query: ListUsers = call.query
    if len(query.q or "") <= QUICK_CHARACTERS:
        search = search_of(query)
    else:
        search = await call.computed(partial(search_of, query))
    if query.explain:
        return await _explained(call, search)
    if query.take is not None or query.after is not None or query.cursor is not None:
        return await _walked(call, query, search)
    return await _numbered(call, query, search)


def search_of(query: ListUsers) -> Search:
    """Return the search of a request. Raises Rejected (400)."""
    rejection = _ENGINES.get(query.search_engine or "v3")
    if rejection is not None:
        raise Rejected(rejection)
    predicate = _predicate(query.q or "")
    if query.connection is not None:
        predicate = all_of((predicate, _of_connection(query.connection)))
    if query.sort is None:
        return Search(predicate, natural(predicate))
    order = sorted_by(query.sort)
    if order is None:
        raise Rejected(_unsortable(query.sort))
    return Search(predicate, order)


def _predicate(q: str) -> Predicate:
    try:
        return _kept_analysis(q) if len(q) <= QUICK_CHARACTERS else analyze(affordable(parse(q)))
    except Malformed as malformed:
        reason = violation("Query", malformed.reason, "q", "Query in Lucene query string syntax")
        raise Rejected(invalid(reason, "invalid_query_string")) from None


@lru_cache(maxsize=_KEPT_ANALYSES)
def _kept_analysis(q: str) -> Predicate:
    """Parse a query. Results are cached, because applications repeat queries and parsing costs about as much
    as the search."""
    return analyze(affordable(parse(q)))


def _of_connection(name: str) -> Predicate:
    if len(name) > INDEXED_CHARACTERS:
        return MATCH_NONE
    return Equals(Path("identities.connection"), (value_text(name),))


async def _numbered(call: Call, query: ListUsers, search: Search) -> Response:
    window = statements.Window(query.per_page, query.page * query.per_page)
    asked = (call.tenant, search.predicate, search.order, window)
    tokens_of = tokens_for(call)
    if tokens_of is not None or presenting.field_names(query.fields):
        page = statements.page(*asked, secrets=tokens_of is not None)
        users, length, total = await _selected(call, query, search, page, tokens_of)
    else:
        lookup = None if query.include_totals else statements.lookup(search.predicate, search.order, window)
        if lookup is not None:
            return responses.document(await call.service.storage.searcher.look_up(call.tenant, lookup))
        whole = statements.ready_page(*asked, query.include_totals)
        ((row,),) = await call.service.storage.searcher.fetch(call.tenant, search.predicate, whole)
        users, length, total = row["users"], row["length"], row["total"] if query.include_totals else None
    if total is None:
        return responses.document(users)
    parts = {"start": window.offset, "limit": window.limit, "length": length, "users": None, "total": total}
    return responses.document(presenting.wrapped(parts, {"users": users}))


async def _selected(
    call: Call,
    query: ListUsers,
    search: Search,
    page: statements.Statement,
    tokens_of: presenting.TokensOf | None,
) -> tuple[bytes, int, int | None]:
    """Return a page with the selected fields as JSON, its length, and the total, which is None unless
    requested."""
    asked = [page]
    if query.include_totals:
        asked.append(statements.count(call.tenant, search.predicate))
    rows, *totals = await call.service.storage.searcher.fetch(call.tenant, search.predicate, *asked)
    return presenting.shown(rows, query, tokens_of), len(rows), totals[0][0]["count"] if totals else None


async def _walked(call: Call, query: ListUsers, search: Search) -> Response:
    if query.cursor is not None and query.after is not None:
        raise Rejected(not_a_cursor("from"))
    name, text = ("cursor", query.cursor) if query.cursor is not None else ("from", query.after)
    after = None if text is None or text in BEGINNING else _after(call, text, search.order, name)
    take = query.take or (query.per_page if query.cursor is not None and query.per_page else 50)
    window = statements.Window(take + 1, 0, after)
    tokens_of = tokens_for(call)
    asked = statements.page(call.tenant, search.predicate, search.order, window, tokens_of is not None)
    (rows,) = await call.service.storage.searcher.fetch(call.tenant, search.predicate, asked)
    users = presenting.shown(rows[:take], query, tokens_of)
    parts: dict[str, Any] = {"users": None}
    if len(rows) > take:
        parts["next"] = paging.cursor(call, text_of(_position_of(rows[take - 1], search.order)))
    return responses.document(presenting.wrapped(parts, {"users": users}))


def _after(call: Call, text: str, order: Order, name: str) -> CursorPosition:
    rejection = not_a_cursor(name)
    try:
        return position_in(paging.cursor_position(call, text, rejection), order)
    except ValueError:
        raise Rejected(rejection) from None


def _position_of(row: asyncpg.Record, order: Order) -> CursorPosition:
    return CursorPosition(None if order.target is None else row["key"], row["subject"])


async def _explained(call: Call, search: Search) -> Response:
    asked = statements.page(call.tenant, search.predicate, search.order, statements.Window(50))
    found = await call.service.storage.searcher.explain(call.tenant, asked)
    return responses.value(explanation(search.predicate, search.order, found))


def _unsortable(sort: str) -> Rejection:
    reason = f"String does not match pattern ^(<root field or metadata path>):(1|-1)$: {sort[:200]}"
    return invalid(violation("Query", reason, "sort", "Field to sort by"), "invalid_query_string")


LIST_USERS: Final = Operation(
    method="GET",
    path="/api/v2/users",
    handler=list_users,
    scopes=("read:users",),
    group="read_users",
    summary="List or Search Users",
    description=(
        "Returns a page of users, or the users that match a search query. Results are paged by page number,"
        " or by cursor with `from` and `take`. With `explain`, the response describes how the query would be"
        " executed."
    ),
    query=ListUsers,
    result=listed(User, "users") | Explanation,
    responses={
        200: "Users.",
        400: "Invalid request.",
        401: "Invalid token.",
        403: "Insufficient scope.",
        503: "The search took too long, or the service is temporarily unavailable.",
    },
)
OPERATIONS: Final = (LIST_USERS,)
