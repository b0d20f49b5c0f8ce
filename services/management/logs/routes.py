"""GET /logs, /logs/{id} and /users/{id}/logs."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from services.management.http import present as presenting
from services.management.http import responses
from services.management.http.models.query import Selected
from services.management.http.operation import Operation
from services.management.http.paging import DEFAULT_TAKE
from services.management.http.requests import Call
from services.management.logs.models import MAX_TAKE, ListLogs, LogEntry, LogPage, UserLogs
from services.management.logs.present import present
from services.queries.logs.completeness import complete_below
from services.queries.logs.pages import OLDEST_FIRST, PageQuery, read_page, starting_with
from services.queries.logs.search import condition
from services.queries.search.syntax.parser import QUICK_CHARACTERS
from services.queries.search.syntax.tree import Malformed
from services.runtime.postgres.lookup import is_storable
from services.runtime.rejection import Rejected, Rejection, invalid, violation

LOG_NOT_FOUND: Final = Rejection("not_found", "Log not found.")
_SCOPES: Final = ("read:logs", "read:logs_users")
_BY_ID: Final = ("log_id", "_id")
_COLUMNS: Final = (
    "type", "description", "connection", "client_id", "ip", "hostname", "user_id", "user_name", "strategy",
    "strategy_type", "organization_id", "user_agent",
)  # fmt: skip
_WAYS: Final[Mapping[str, str]] = {"1": "ASC", "-1": "DESC"}


async def list_logs(call: Call) -> Response:
    """Return a page of all entries, newest first; with `from` or `take` the entries after an id, oldest
    first."""
    query: ListLogs = call.query
    if query.after is not None or query.take is not None:
        return await _walk(call, query)
    page = _page(call, query)
    if query.q and len(query.q) <= QUICK_CHARACTERS:
        page.where(condition_of(query.q, page))
    elif query.q:
        page.where(await call.computed(partial(condition_of, query.q, page)))
    if query.search:
        page.where(starting_with(page, query.search))
    return await _answer(call, query, page)


def condition_of(q: str, page: PageQuery) -> str:
    """Return the condition of the page for the query `q`. Raises Rejected (400)."""
    try:
        return condition(q, page)
    except Malformed as malformed:
        reason = violation("Query", malformed.reason, "q", "Query in Lucene query string syntax")
        raise Rejected(invalid(reason, "invalid_query_string")) from None


async def list_user_logs(call: Call) -> Response:
    """Return a page of a user's entries; an empty list for an unknown user."""
    page, user_id = _page(call, call.query), call.path("id")
    if not is_storable(user_id):
        return responses.value([])
    page.where(f"e.user_id = {page.add(user_id)}")
    return await _answer(call, call.query, page)


async def get_log(call: Call) -> Response:
    """Return a log entry. Raises Rejected (not_found)."""
    query: Selected = call.query
    identity = call.path("id")
    if not is_storable(identity):
        raise Rejected(LOG_NOT_FOUND)
    page = PageQuery(call.tenant, 1)
    page.where(f"e.log_id = {page.add(identity)}")
    found = await _found(call, page, query)
    if not found:
        raise Rejected(LOG_NOT_FOUND)
    return responses.value(found[0])


async def _walk(call: Call, query: ListLogs) -> Response:
    """Return entries after an id, up to the point before which no further entry can appear.

    If totals are requested, `page` counts from that id, because SDKs without checkpoint paging send both and
    request page after page.
    """
    take = min(query.take or DEFAULT_TAKE, MAX_TAKE)
    start = query.page * take if query.include_totals else 0
    page = PageQuery(call.tenant, take, start, OLDEST_FIRST)
    page.where(f"e.log_id > {page.add(query.after or '')}")
    service = call.service
    margin = service.settings.log_margin_seconds
    async with service.storage.searcher.planning(call.tenant) as connection:
        page.where(
            f"e.log_id < {page.add(await complete_below(connection, service.storage.log.end, margin))}"
        )
        rows = await read_page(connection, page)
    found = await present(call, rows, presenting.field_names(query.fields), query.include_fields)
    after = rows[-1]["log_id"] if rows else query.after
    headers = {"Link": f'<{await _next(call, after, query.take)}>; rel="next"'}
    return responses.value(_totalled(found, start, take) if query.include_totals else found, headers=headers)


async def _next(call: Call, after: str | None, take: int | None) -> str:
    """Return the URL of the next page: under the tenant's domain if the request was sent to it, otherwise
    under the configured URL. Another Host header is not trusted."""
    asked = {name: value for name, value in (("from", after), ("take", take)) if value is not None}
    domain = await call.service.auth.domains.of_host(call.request.headers.get("host", ""))
    base = call.service.settings.token_issuer.rstrip("/") if domain is None else domain.origin
    return f"{base}{call.operation.path}?{urlencode(asked)}"


def _page(call: Call, query: UserLogs) -> PageQuery:
    """Return the requested page. Raises Rejected (400) if entries cannot be sorted by the field."""
    order = _order(query.sort or "log_id:-1")
    return PageQuery(call.tenant, query.per_page, query.page * query.per_page, order)


def _order(sort: str) -> str:
    name, _, way = sort.rpartition(":")
    if way in _WAYS and name in _BY_ID:
        return f"e.log_id {_WAYS[way]}"
    if way in _WAYS and name == "date":
        return f"e.date {_WAYS[way]}, e.log_id {_WAYS[way]}"
    if way in _WAYS and name in _COLUMNS:
        return f"e.{name} {_WAYS[way]} NULLS LAST, e.log_id DESC"
    reason = f"String does not match pattern ^(<field>):(1|-1)$: {sort[:200]}"
    raise Rejected(
        invalid(violation("Query", reason, "sort", "Field to use for sorting"), "invalid_query_string")
    )


async def _answer(call: Call, query: UserLogs, page: PageQuery) -> Response:
    found = await _found(call, page, query)
    if not query.include_totals:
        return responses.value(found)
    return responses.value(_totalled(found, query.page * query.per_page, query.per_page))


def _totalled(found: list[dict[str, Any]], start: int, limit: int) -> dict[str, Any]:
    return {"start": start, "limit": limit, "length": len(found), "logs": found, "total": len(found)}


async def _found(call: Call, page: PageQuery, query: Selected) -> list[dict[str, Any]]:
    async with call.service.storage.searcher.planning(call.tenant) as connection:
        rows = await read_page(connection, page)
    return await present(call, rows, presenting.field_names(query.fields), query.include_fields)


_COMMON: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
}
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/logs",
        handler=list_logs,
        scopes=_SCOPES,
        group="read_logs",
        tag="logs",
        summary="Search Log Events",
        description=(
            "Returns a page of log entries, newest first. With `from` or `take`, entries are returned"
            " oldest first, starting after the entry that `from` names; no entry appears later before one"
            " that was returned this way."
        ),
        query=ListLogs,
        result=list[LogEntry] | LogPage,
        responses={200: "Log entries.", **_COMMON, 503: "The service is temporarily unavailable."},
    ),
    Operation(
        method="GET",
        path="/api/v2/logs/{id}",
        handler=get_log,
        scopes=_SCOPES,
        group="read_logs",
        tag="logs",
        summary="Get a Log Event by ID",
        description="Returns one log entry.",
        query=Selected,
        result=LogEntry,
        responses={200: "The entry.", **_COMMON, 404: "No such entry."},
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/logs",
        handler=list_user_logs,
        scopes=_SCOPES,
        group="read_logs",
        tag="logs",
        summary="Get user's log events",
        description=(
            "Returns a page of the log entries about a user. The list is empty if the user does not exist."
        ),
        query=UserLogs,
        result=list[LogEntry] | LogPage,
        responses={200: "Log entries.", **_COMMON, 503: "The service is temporarily unavailable."},
    ),
)
