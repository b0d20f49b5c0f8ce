"""Sessions, refresh tokens and grants as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg

from schemas.formats import exact_json
from schemas.formats.instants import render
from services.management.http.present import field_names

_METHODS: Final[Mapping[str, str]] = {"auth0": "pwd", "email": "email", "sms": "sms"}
_DEVICE: Final = ("initial_ip", "initial_user_agent", "last_ip", "last_user_agent")


def session(row: asyncpg.Record, user_id: str) -> dict[str, Any]:
    """Return a session. If the gateway reported no authentication methods, they are derived from the
    connection's strategy."""
    seen = render(row["seen_at"])
    method = {"name": _METHODS.get(row["strategy"], "federated"), "timestamp": render(row["created_at"])}
    changed = max(row["seen_at"], row["changed_at"] or row["seen_at"])
    return known(
        {
            "id": row["id"],
            "user_id": user_id,
            "created_at": render(row["created_at"]),
            "updated_at": render(changed),
            "authenticated_at": seen,
            "idle_expires_at": _time(row["idle_expires_at"]),
            "expires_at": _time(row["expires_at"]),
            "last_interacted_at": seen,
            "device": _device(row),
            "clients": [{"client_id": client} for client in row["clients"]],
            "authentication": {"methods": [method] if row["methods"] is None else _parsed(row["methods"])},
            "session_metadata": _parsed(row["metadata"]),
        }
    )


def refresh_token(row: asyncpg.Record, user_id: str) -> dict[str, Any]:
    """Return a refresh token; unknown values are null."""
    shown = {
        "id": row["id"],
        "user_id": user_id,
        "created_at": render(row["created_at"]),
        "idle_expires_at": _time(row["idle_expires_at"]),
        "expires_at": _time(row["expires_at"]),
        "device": _device(row),
        "client_id": row["client_id"],
        "session_id": row["session_id"],
        "rotating": row["rotating"],
        "resource_servers": _parsed(row["resource_servers"]) or [],
        "last_exchanged_at": _time(row["exchanged_at"]),
    }
    if row["metadata"] is not None:
        shown["refresh_token_metadata"] = _parsed(row["metadata"])
    return shown


def grant(row: asyncpg.Record) -> dict[str, Any]:
    """Return a grant."""
    return known(
        {
            "id": row["id"],
            "clientID": row["client_id"],
            "user_id": row["user_id"],
            "audience": row["audience"],
            "scope": list(row["scope"]),
            "organization_id": row["organization_id"],
        }
    )


def selected(shown: Mapping[str, Any], fields: str | None, include: bool) -> dict[str, Any]:
    """Return only the root fields in `fields`, or the others if not `include`; all if `fields` is None."""
    names = field_names(fields)
    return {name: value for name, value in shown.items() if not names or (name in names) is include}


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _device(row: asyncpg.Record) -> dict[str, Any]:
    return known({name: row[name] for name in _DEVICE})


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else render(moment)


def _parsed(text: str | None) -> Any:
    return None if text is None else exact_json.loads(text)
