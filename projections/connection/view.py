"""The view of connections. All connections of a tenant are one state, because their names are unique within
the tenant."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from projections.connection.fold import Connections, ConnectionState, fold, is_duplicate
from projections.connection.row import connection_of, connection_row
from projections.fold_view import (
    Change,
    DecidingView,
    Keys,
    Owner,
    Verdict,
    Write,
    WriteBatch,
    tenant_keys,
    with_rows,
)
from projections.row import Row
from schemas.events import ConnectionConfigured, Event


class ConnectionView(DecidingView[str, Connections]):
    """All connections of a tenant, by tenant. Their secrets stay sealed, because the fold does not read
    them."""

    name = "connection"
    tables = ("connection",)
    read = "read_connections"
    absent: Connections = MappingProxyType({})

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event configures a connection."""
        return event_type == "profile.connection.configured"

    def key(self, event: Event) -> str:
        """Return the tenant."""
        return event.tenant

    def fold(self, state: Connections, event: ConnectionConfigured) -> Connections:
        """Return the connections after the event."""
        return fold(state, event)

    def verdict(self, before: Connections, after: Connections, event: ConnectionConfigured) -> Verdict:
        """Return whether the event counts."""
        if is_duplicate(before, event):
            return "duplicate"
        return "refused" if after is before else "counts"

    def owner(self, event: Any) -> Owner:
        """Return the connection, which reserves its own name."""
        return event.tenant, event.data.connection_id

    def released(
        self, before: Connections, after: Connections, event: ConnectionConfigured
    ) -> Collection[tuple[Owner, str]]:
        """Return the connection if it was deleted, so that its name is released."""
        return [(self.owner(event), event.data.connection)] if event.data.deleted else []

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[str, Connections]:
        """Return the connections by tenant."""
        found: dict[str, dict[str, ConnectionState]] = {}
        for row in rows:
            found.setdefault(row["tenant"], {})[row["id"]] = connection_of(row)
        return dict(found)

    def writes(self, changes: Mapping[str, Change[Connections]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed connections."""
        rows = [
            connection_row(tenant, connection, tenant_keys(keys, tenant))
            for tenant, change in changes.items()
            for connection in changed(change)
        ]
        return with_rows(Write("projections.connection", "write_connections", rows))


def changed(change: Change[Connections]) -> list[ConnectionState]:
    """Return the connections of a tenant that the batch changed."""
    return [one for identity, one in change.after.items() if change.before.get(identity) is not one]


CONNECTION: Final = ConnectionView()
