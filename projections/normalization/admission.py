"""Decides whether a login may use the connection that it names, and which settings that connection has."""

from dataclasses import dataclass

from projections.normalization.catalogue import default_strategy
from projections.normalization.model import ConnectionSettings
from schemas.errors import InvalidEvent
from schemas.logins.raw_login import RawLogin


@dataclass(frozen=True, slots=True)
class KnownConnection:
    """The recorded tenant and connection of a login.

    `settings` is None if the connection is not configured, `default_picture` if the tenant did not choose
    one.
    """

    tenant_known: bool
    strict: bool
    deleted: bool
    settings: ConnectionSettings | None
    default_picture: str | None = None


def connection_of(login: RawLogin, found: KnownConnection) -> tuple[ConnectionSettings, bool]:
    """Return the settings of a login's connection, and whether the connection must be registered first.

    Raises InvalidEvent (`unknown_tenant`, `unknown_connection`, `connection_deleted`) when the login may
    not use it.
    """
    if not found.tenant_known:
        raise InvalidEvent("unknown_tenant", "The tenant does not exist.")
    if found.settings is not None:
        if found.deleted:
            raise InvalidEvent("connection_deleted", "The connection was deleted.")
        return found.settings, False
    if found.strict:
        raise InvalidEvent(
            "unknown_connection",
            "The connection does not exist, and logins of this tenant cannot register one.",
        )
    name = login.data.connection
    strategy = login.data.strategy or default_strategy(name)
    if strategy is None:
        raise InvalidEvent(
            "unknown_connection",
            "The connection does not exist. Create it, or name its strategy in data.strategy to register it.",
        )
    return ConnectionSettings(name, strategy, {}), True
