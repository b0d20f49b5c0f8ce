"""GET /users/{id}/history: the events of a user and of the identities linked to it."""

from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from schemas.formats import instants
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.users.history_models import HistoryPage, ListHistory
from services.management.users.time_travel import REACHES, REFUSALS, SCOPES, log_of
from services.queries.user_history.timeline import TimelineMark, TimelineQuery
from services.runtime.rejection import Rejected, invalid, violation

MAX_PATTERNS: Final = 20
MAX_PATTERN: Final = 64


async def list_history(call: Call) -> Response:
    """Return a page of a user's events, each with what it changed.

    Raises Rejected: invalid for a filter or a cursor that is none, not_found when no user ever had this id;
    HttpError (410) for an erased user.
    """
    query = _timeline_query(call)
    async with call.service.storage.history.turn(call.tenant):
        log = await log_of(call)
        page = await call.service.storage.timelines.page(log, query)
    parts: dict[str, Any] = {"events": None, "complete": page.is_whole}
    if page.following is not None:
        parts["next"] = paging.cursor(call, str(page.following))
    body = presenting.wrapped(parts, {"events": presenting.array(page.entries)})
    return responses.document(body, headers={REACHES: ",".join(map(str, page.reaches))})


def _timeline_query(call: Call) -> TimelineQuery:
    asked: ListHistory = call.query
    after = paging.cursor_position(call, asked.after)
    return TimelineQuery(
        oldest_first=asked.sort == "time:1",
        take=asked.take,
        types=_patterns(asked.type),
        since=_time("since", asked.since),
        until=_time("until", asked.until),
        after=TimelineMark.parse(after) if after else None,
    )


def _patterns(text: str | None) -> tuple[str, ...]:
    found = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if len(found) > MAX_PATTERNS or any(len(part) > MAX_PATTERN for part in found):
        reason = f"At most {MAX_PATTERNS} types of {MAX_PATTERN} characters each"
        raise Rejected(invalid(violation("Query", reason, "type"), "invalid_query_string"))
    return found


def _time(name: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else instants.parse(text)
    except ValueError:
        reason = "Not a time such as 2026-11-23T10:00:00Z"
        raise Rejected(invalid(violation("Query", reason, name), "invalid_query_string")) from None


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/users/{id}/history",
        handler=list_history,
        scopes=(SCOPES,),
        group="read_users",
        summary="Get a user's history",
        description=(
            "Returns the events of a user, also of a deleted one, newest first or oldest first, each with its"
            " time, its actor and what it changed. The events of linked identities are among them: those"
            " from before the link have `linked: before`, those since have `linked: while`. `complete` is"
            " false when the newest events are not known yet; the header `Vita-History-Reaches` names the"
            " positions up to which all are."
        ),
        query=ListHistory,
        result=HistoryPage,
        responses={200: "Events.", **REFUSALS},
    ),
)
