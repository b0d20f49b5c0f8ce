"""GET /stats/active-users and /stats/daily."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from schemas.formats.instants import render
from services.management.http import responses
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.logs.models import DayCounts, Days
from services.queries.statistics import count_active_users, daily_counts

ACTIVE: Final = timedelta(days=30)
_SCOPES: Final = ("read:stats",)


async def active_users(call: Call) -> Response:
    """Return the number of users who logged in within the last 30 days, as a JSON number."""
    async with call.connection() as connection:
        number = await count_active_users(connection, call.tenant, datetime.now(UTC) - ACTIVE)
    return responses.value(number)


async def daily(call: Call) -> Response:
    """Return the counts of each day; days without activity are left out."""
    query: Days = call.query
    end = date.fromisoformat(query.end) if query.end else datetime.now(UTC).date()
    start = date.fromisoformat(query.start) if query.start else date.fromordinal(max(1, end.toordinal() - 30))
    async with call.connection() as connection:
        rows = await daily_counts(connection, call.tenant, start, end)
    return responses.value([_day(row) for row in rows])


def _day(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "date": f"{row['date'].isoformat()}T00:00:00.000Z",
        "logins": row["logins"],
        "signups": row["signups"],
        "leaked_passwords": row["leaked_passwords"],
        "created_at": render(row["created_at"]),
        "updated_at": render(row["updated_at"]),
    }


_ERRORS: Final = {401: "Invalid token.", 403: "Insufficient scope."}
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/stats/active-users",
        handler=active_users,
        scopes=_SCOPES,
        tag="stats",
        summary="Get active users count",
        description="Returns the number of users who logged in within the last 30 days, as a JSON number.",
        result=int,
        responses={200: "How many.", **_ERRORS},
    ),
    Operation(
        method="GET",
        path="/api/v2/stats/daily",
        handler=daily,
        scopes=_SCOPES,
        tag="stats",
        summary="Get daily stats",
        description="Returns statistics for each day of a period. Days without activity are left out.",
        query=Days,
        result=list[DayCounts],
        responses={200: "Counts by day.", 400: "Invalid request.", **_ERRORS},
    ),
)
