"""Whether a login may come through the connection it names, and as what that connection counts."""

from dataclasses import dataclass

from projections.normalization.catalogue import default_strategy
from projections.normalization.model import ConnectionSettings
from schemas.errors import InvalidEvent
from schemas.logins.raw_login import RawLogin


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of the tenant and connection a login names. `settings` is None for a connection nobody
    configured, `default_picture` for a tenant that chose none."""

    tenant_known: bool
    strict: bool
    deleted: bool
    settings: ConnectionSettings | None
    default_picture: str | None = None


def connection_of(login: RawLogin, found: Found) -> tuple[ConnectionSettings, bool]:
    """The connection of a login, and whether it has to be registered first.

    Raises InvalidEvent (`unknown_tenant`, `unknown_connection`, `connection_deleted`).
    """
    if not found.tenant_known:
        raise InvalidEvent("unknown_tenant", "The tenant does not exist.")
    if found.settings is not None:
        if found.deleted:
            raise InvalidEvent("connection_deleted", "The connection was deleted.")
        return found.settings, False
    if found.strict:
        raise InvalidEvent(
            "unknown_connection", "The connection does not exist, and logins of this tenant register none."
        )
    name = login.data.connection
    strategy = login.data.strategy or default_strategy(name)
    if strategy is None:
        raise InvalidEvent(
            "unknown_connection",
            "The connection does not exist. Create it, or name its strategy in data.strategy to register it.",
        )
    return ConnectionSettings(name, strategy, {}), True
