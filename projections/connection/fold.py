"""`fold(connections, event) -> connections` over all connections of one tenant, by id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.events import ConnectionConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """A connection. `document` is what the API returns, `event_id` the event that last changed it."""

    id: str
    name: str
    strategy: str
    revision: int
    document: Mapping[str, Any]
    event_id: str
    deleted: bool = False


Connections = Mapping[str, ConnectionState]


def fold(connections: Connections, event: ConnectionConfigured) -> Connections:
    """Return the connections after the event.

    An event is refused, without an effect, if the connection is deleted, if the event expects another
    revision than the current one (0: no connection yet), or if a login registers a connection that exists by
    id or name.
    """
    data = event.data
    current = connections.get(data.connection_id)
    if is_duplicate(connections, event) or (current is not None and current.deleted):
        return connections
    if event.actor.startswith("system:") and (current is not None or _taken(connections, data.connection)):
        return connections
    revision = 0 if current is None else current.revision
    if data.expected_revision is not None and data.expected_revision != revision:
        return connections
    changed = ConnectionState(
        id=data.connection_id,
        name=data.connection,
        strategy=data.strategy,
        revision=revision + 1,
        document=_document(event),
        event_id=event.id,
        deleted=data.deleted,
    )
    return {**connections, data.connection_id: changed}


def is_duplicate(connections: Connections, event: ConnectionConfigured) -> bool:
    """Whether the event is the one that last changed the connection."""
    current = connections.get(event.data.connection_id)
    return current is not None and current.event_id == event.id


def _taken(connections: Connections, name: str) -> bool:
    return any(known.name == name and not known.deleted for known in connections.values())


def _document(event: ConnectionConfigured) -> dict[str, Any]:
    data = event.data
    settings = dict(data.settings)
    document = {
        "id": data.connection_id,
        "options": settings.pop("options", {}),
        "strategy": data.strategy,
        "name": data.connection,
        "is_domain_connection": settings.pop("is_domain_connection", False),
    }
    last = {
        "enabled_clients": settings.pop("enabled_clients", []),
        "realms": settings.pop("realms", [data.connection]),
    }
    return {**document, **settings, **last}
