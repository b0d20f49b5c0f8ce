"""`fold(connections, event) -> connections` over all connections of one tenant, by id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.events import ConnectionConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """One connection; `document` is what the API answers. `event_id` is the change that made it so."""

    id: str
    name: str
    strategy: str
    revision: int
    document: Mapping[str, Any]
    event_id: str
    deleted: bool = False


Connections = Mapping[str, ConnectionState]


def fold(connections: Connections, event: ConnectionConfigured) -> Connections:
    """The connections after the event.

    Refused, so that everything stays as it was: a change to a deleted connection or against another revision
    than the present one (0: there must be none yet), and a registration by a login when the connection, or
    one of its name, is there already.
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
    """Whether this very event made the connection what it is."""
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
