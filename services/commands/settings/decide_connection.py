"""Decides commands to a connection; the event has the whole configuration after the change (fact sheet
§17)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from projections.connection.fold import ConnectionState
from projections.normalization.catalogue import compiled_strategy
from schemas.events import ConnectionConfigured, ConnectionConfiguredData
from schemas.formats.exact_json import same
from services.commands.decision import UNCHANGED, Acceptance, Draft
from services.ledger.reservations import Reservation

_COMES_BACK: Final[Mapping[str, Any]] = {
    "authentication_methods": {
        "password": {"enabled": True, "api_behavior": "required", "signup_behavior": "allow"},
        "passkey": {"enabled": False},
    },
    "passkey_options": {
        "challenge_ui": "both",
        "progressive_enrollment_enabled": True,
        "local_enrollment_enabled": True,
    },
    "brute_force_protection": True,
}
"""Options that a database connection always has, whatever the request contains."""
_AT_FIRST: Final[Mapping[str, Any]] = {
    "mfa": {"active": True, "return_enroll_settings": True},
    "passwordPolicy": "good",
    "strategy_version": 2,
}
_LEAST_OPTIONS: Final = 15
_OWN: Final = ("id", "strategy", "name")


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """Settings to replace, by name; the others remain. `options` replaces all options, None leaves them."""

    settings: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection to create. Its name and strategy cannot be changed later."""

    name: str
    strategy: str
    given: ConnectionChange


def decide_new(new: NewConnection, connection_id: str) -> Acceptance:
    """Return the event that creates a connection."""
    options = dict(new.given.options or {})
    if new.strategy == "auth0":
        first = dict(_AT_FIRST)
        if "password_options" in options:
            del first["passwordPolicy"]
        options = _database_options({**first, **options})
    settings = {
        **({"display_name": new.name, "show_as_button": False} if _is_enterprise(new.strategy) else {}),
        "options": options,
        "authentication": {"active": True},
        "connected_accounts": {"active": False},
        **new.given.settings,
    }
    data = ConnectionConfiguredData(
        connection_id=connection_id,
        connection=new.name,
        strategy=new.strategy,
        settings=_with_activity(settings, new.given),
    )
    return Acceptance((Draft(ConnectionConfigured, data),), (Reservation(new.name, "connection", new.name),))


def decide_change(current: ConnectionState, change: ConnectionChange) -> Acceptance:
    """Return the event that replaces the settings in the change."""
    before = {name: value for name, value in current.document.items() if name not in _OWN}
    after = {**before, **change.settings}
    if change.options is not None:
        options = dict(change.options)
        after["options"] = _database_options(options) if current.strategy == "auth0" else options
    after = _with_activity(after, change)
    if same(after, before):
        return UNCHANGED
    return Acceptance((Draft(ConnectionConfigured, _data(current, after)),))


def decide_clients(current: ConnectionState, statuses: Iterable[tuple[str, bool]]) -> Acceptance:
    """Return the event that enables or disables these clients, in the given order."""
    enabled = dict.fromkeys(current.document.get("enabled_clients", ()), True)
    enabled.update(statuses)
    wanted = [client_id for client_id, status in enabled.items() if status]
    if wanted == current.document.get("enabled_clients", []):
        return UNCHANGED
    return decide_change(current, ConnectionChange({"enabled_clients": wanted}))


def decide_removal(current: ConnectionState) -> Acceptance:
    """Return the event that removes a connection with its settings."""
    data = _data(current, {})
    return Acceptance((Draft(ConnectionConfigured, data.model_copy(update={"deleted": True})),))


def _data(current: ConnectionState, settings: dict[str, Any]) -> ConnectionConfiguredData:
    return ConnectionConfiguredData(
        connection_id=current.id, connection=current.name, strategy=current.strategy, settings=settings
    )


def _is_enterprise(strategy: str) -> bool:
    return compiled_strategy(strategy).row.kind == "enterprise"


def _database_options(options: Mapping[str, Any]) -> dict[str, Any]:
    complete = {**options, **{name: value for name, value in _COMES_BACK.items() if name not in options}}
    flexible = complete.get("password_options")
    if isinstance(flexible, Mapping):
        complexity = flexible.get("complexity", {})
        if isinstance(complexity, Mapping):
            complete["password_options"] = {
                **flexible,
                "complexity": {"min_length": _LEAST_OPTIONS, **complexity},
            }
    return complete


def _with_activity(settings: dict[str, Any], change: ConnectionChange) -> dict[str, Any]:
    """Return the settings with the active flag: a connection without applications is inactive, and assigning
    applications activates it."""
    clients = change.settings.get("enabled_clients")
    if clients is None or change.settings.get("authentication") is not None:
        return settings
    before = settings.get("authentication")
    kept = before if isinstance(before, Mapping) else {}
    return {**settings, "authentication": {**kept, "active": bool(clients)}}
