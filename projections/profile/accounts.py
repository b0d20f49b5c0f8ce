"""Accounts at providers that may be used on behalf of a person, as logins showed them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.events import LoginSucceeded
from schemas.identifiers import derived
from schemas.instants import render

ACCOUNTS: Final = "connected_accounts"
Account = Mapping[str, Any]


def accounts_of(holdings: Mapping[str, Any]) -> Sequence[Account]:
    """In the order in which they were first seen."""
    found: Sequence[Account] = holdings.get(ACCOUNTS, ())
    return found


def with_account(holdings: Mapping[str, Any], event: LoginSucceeded) -> Mapping[str, Any]:
    """The holdings after a login: one account per connection and organization, its first day kept."""
    told, organization = event.data.connected_account, event.data.organization_id
    if told is None or "connection" not in told:
        return holdings
    seen: dict[str, Any] = {
        "id": f"cac_{derived(event.subject, told['connection'], organization or '').replace('-', '')[:16]}",
        "connection": told["connection"],
        "strategy": told.get("strategy", event.data.strategy),
        "scopes": told.get("scopes", []),
        "created_at": render(event.time),
    }
    if "expires_at" in told:
        seen["expires_at"] = told["expires_at"]
    if organization is not None:
        seen["organization_id"] = organization
    known = accounts_of(holdings)
    before = next((one for one in known if one["id"] == seen["id"]), None)
    if before is None:
        return {**holdings, ACCOUNTS: [*known, seen]}
    now = {**seen, "created_at": before["created_at"]}
    return {**holdings, ACCOUNTS: [now if one is before else one for one in known]}
