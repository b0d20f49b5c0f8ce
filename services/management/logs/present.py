"""Log entries as JSON."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from projections.row import Row
from schemas.formats import exact_json
from schemas.formats.instants import render
from services.management.http.requests import Call
from services.management.logs.user_agents import UNKNOWN, shown


async def present(
    call: Call, rows: Sequence[asyncpg.Record], names: frozenset[str], include: bool
) -> list[dict[str, Any]]:
    """Return log entries with only the named root fields, or without them if not `include`."""
    return await call.computed(lambda: [_chosen(entry(row), names, include) for row in rows])


def _chosen(whole: dict[str, Any], names: frozenset[str], include: bool) -> dict[str, Any]:
    if not names:
        return whole
    return {name: value for name, value in whole.items() if (name in names) is include}


def entry(row: Row) -> dict[str, Any]:
    """Return the log entry of a row; unknown values are null."""
    agent = UNKNOWN if row["user_agent"] is None else shown(row["user_agent"])
    more = {} if row["more"] is None else exact_json.loads(row["more"])
    return {
        "date": render(row["date"]),
        "type": row["type"],
        "description": row["description"],
        "connection": row["connection"],
        "connection_id": row["connection_id"],
        "client_id": row["client_id"],
        "client_name": row["client_name"],
        "ip": row["ip"],
        "user_agent": agent.text,
        "details": _details(row),
        "hostname": row["hostname"],
        "user_id": row["user_id"],
        "user_name": row["user_name"],
        "organization_id": row["organization_id"],
        "organization_name": more.pop("organization_name", None),
        "audience": more.pop("audience", None),
        "scope": more.pop("scope", None),
        "strategy": row["strategy"],
        "strategy_type": row["strategy_type"],
        **more,
        "log_id": row["log_id"],
        "_id": row["log_id"],
        "isMobile": agent.is_mobile,
    }


def _details(row: Row) -> dict[str, Any] | None:
    details: dict[str, Any] | None = None if row["details"] is None else exact_json.loads(row["details"])
    if row["type"] != "s":
        return details
    completed = round(row["date"].timestamp() * 1000)
    return {"prompts": [], "completedAt": completed, **(details or {})}
