"""Connected accounts: accounts at providers that applications may use on behalf of the user."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.profile.marks import mark_of
from schemas.events import LoginSucceeded
from schemas.formats.identifiers import derived
from schemas.formats.instants import render

ACCOUNTS: Final = "connected_accounts"
Account = Mapping[str, Any]


def accounts_of(associations: Mapping[str, Any]) -> Sequence[Account]:
    """Return the connected accounts, sorted by creation time."""
    found: Sequence[Account] = associations.get(ACCOUNTS, ())
    return found


def with_account(associations: Mapping[str, Any], event: LoginSucceeded) -> Mapping[str, Any]:
    """Return the associations after a login. An account is identified by connection and organization; it
    keeps its first creation time and takes the other values of the latest login."""
    reported, organization = event.data.connected_account, event.data.organization_id
    if reported is None or "connection" not in reported:
        return associations
    connection = reported["connection"]
    seen: dict[str, Any] = {
        "id": f"cac_{derived(event.subject, connection, organization or '').replace('-', '')[:16]}",
        "connection": connection,
        "strategy": reported.get("strategy", event.data.strategy),
        "scopes": reported.get("scopes", []),
        "created_at": render(event.time),
        "mark": mark_of(event),
    }
    if "expires_at" in reported:
        seen["expires_at"] = reported["expires_at"]
    if organization is not None:
        seen["organization_id"] = organization
    known = accounts_of(associations)
    before = next((one for one in known if one["id"] == seen["id"]), None)
    if before is None:
        return {**associations, ACCOUNTS: _in_order([*known, seen])}
    latest = seen if seen["mark"] > before["mark"] else before
    now = {**latest, "created_at": min(seen["created_at"], before["created_at"])}
    return {**associations, ACCOUNTS: _in_order([now if one is before else one for one in known])}


def _in_order(accounts: Sequence[Account]) -> list[Account]:
    return sorted(accounts, key=lambda one: (one["created_at"], one["id"]))
