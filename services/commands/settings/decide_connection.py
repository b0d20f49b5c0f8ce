"""POST, PATCH and DELETE /connections: the whole configuration after the change (fact sheet §17)."""

from collections.abc import Mapping
from typing import Any, Final

from projections.connection.fold import Connection
from projections.normalization.catalogue import compiled_strategy
from schemas.events import ConnectionConfigured, ConnectionConfiguredData
from schemas.formats.exact_json import same
from services.commands.outcome import UNCHANGED, Accepted, Draft
from services.ledger.reservations import Reservation
from services.management.connections.models import (
    Change,
    ClientStatuses,
    CreateConnection,
    UpdateConnection,
)

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
"""Options of a database connection that are there whatever is sent."""
_AT_FIRST: Final[Mapping[str, Any]] = {
    "mfa": {"active": True, "return_enroll_settings": True},
    "passwordPolicy": "good",
    "strategy_version": 2,
}
_LEAST_OPTIONS: Final = 15
_OWN: Final = ("id", "strategy", "name")
_SETTINGS: Final = (
    "display_name", "is_domain_connection", "show_as_button", "metadata", "authentication",
    "connected_accounts", "cross_app_access_requesting_app", "cross_app_access_resource_app",
    "enabled_clients", "realms",
)  # fmt: skip


def decide_new(body: CreateConnection, connection_id: str) -> Accepted:
    """A connection nobody has used yet."""
    options = dict(body.options or {})
    if body.strategy == "auth0":
        first = dict(_AT_FIRST)
        if "password_options" in options:
            del first["passwordPolicy"]
        options = _database_options({**first, **options})
    settings = {
        **({"display_name": body.name, "show_as_button": False} if _is_enterprise(body.strategy) else {}),
        "options": options,
        "authentication": {"active": True},
        "connected_accounts": {"active": False},
        **_given(body),
    }
    data = ConnectionConfiguredData(
        connection_id=connection_id,
        connection=body.name,
        strategy=body.strategy,
        expected_revision=0,
        settings=_with_activity(settings, body),
    )
    return Accepted((Draft(ConnectionConfigured, data),), (Reservation(body.name, "connection", body.name),))


def decide_change(
    current: Connection, body: UpdateConnection, expected_revision: int | None = None
) -> Accepted:
    """The configuration with what the body names replaced."""
    before = {name: value for name, value in current.document.items() if name not in _OWN}
    after = {**before, **_given(body)}
    if body.options is not None:
        options = dict(body.options)
        after["options"] = _database_options(options) if current.strategy == "auth0" else options
    after = _with_activity(after, body)
    if same(after, before):
        return UNCHANGED
    return Accepted((Draft(ConnectionConfigured, _data(current, after, expected_revision)),))


def decide_clients(
    current: Connection, body: ClientStatuses, expected_revision: int | None = None
) -> Accepted:
    """The connection with these clients enabled or disabled, in the order of the body."""
    enabled = dict.fromkeys(current.document.get("enabled_clients", ()), True)
    enabled.update((one.client_id, one.status) for one in body.root)
    wanted = [client_id for client_id, status in enabled.items() if status]
    if wanted == current.document.get("enabled_clients", []):
        return UNCHANGED
    change = UpdateConnection.model_validate({"enabled_clients": wanted})
    return decide_change(current, change, expected_revision)


def decide_removal(current: Connection, expected_revision: int | None = None) -> Accepted:
    """The connection gone; its settings go with it."""
    data = _data(current, {}, expected_revision)
    return Accepted((Draft(ConnectionConfigured, data.model_copy(update={"deleted": True})),))


def _data(
    current: Connection, settings: dict[str, Any], expected_revision: int | None
) -> ConnectionConfiguredData:
    return ConnectionConfiguredData(
        connection_id=current.id,
        connection=current.name,
        strategy=current.strategy,
        expected_revision=expected_revision,
        settings=settings,
    )


def _is_enterprise(strategy: str) -> bool:
    return compiled_strategy(strategy).row.kind == "enterprise"


def _given(body: Change) -> dict[str, Any]:
    given = body.model_dump(include={*_SETTINGS}, exclude_unset=True)
    return {name: given[name] for name in _SETTINGS if name in given}


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


def _with_activity(settings: dict[str, Any], body: Change) -> dict[str, Any]:
    """A connection that no application may use is not active; naming applications makes it so again."""
    if body.enabled_clients is None or body.authentication is not None:
        return settings
    before = settings.get("authentication")
    kept = before if isinstance(before, Mapping) else {}
    return {**settings, "authentication": {**kept, "active": bool(body.enabled_clients)}}
