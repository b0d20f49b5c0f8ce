"""The view of API clients."""

from collections.abc import Iterable, Mapping
from typing import Final

from projections.client.fold import ClientState, fold
from projections.client.row import ClientKey, client_of, client_row
from projections.fold_view import (
    Change,
    DecidingView,
    Keys,
    Verdict,
    Write,
    WriteBatch,
    tenant_keys,
    with_rows,
)
from projections.row import Row
from schemas.events import ClientConfigured


class ClientView(DecidingView[ClientKey, ClientState | None]):
    """API clients by (tenant, client id), with their secrets sealed."""

    name = "client"
    tables = ("client",)
    read = "read_clients"
    absent = None

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event configures a client."""
        return event_type == "profile.client.configured"

    def key(self, event: ClientConfigured) -> ClientKey:
        """Return the client."""
        return event.tenant, event.data.client_id

    def fold(self, state: ClientState | None, event: ClientConfigured) -> ClientState | None:
        """Return the client after the event."""
        return fold(state, event)

    def verdict(
        self, before: ClientState | None, after: ClientState | None, event: ClientConfigured
    ) -> Verdict:
        """Return whether the event counts; the event of the current state is a duplicate."""
        if before is not None and before.event_id == event.id:
            return "duplicate"
        return "refused" if after is before else "counts"

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[ClientKey, ClientState | None]:
        """Return the existing clients."""
        return {(row["tenant"], row["client_id"]): client_of(row) for row in rows}

    def writes(self, changes: Mapping[ClientKey, Change[ClientState | None]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed clients."""
        rows = [
            client_row(key, change.after, tenant_keys(keys, key[0]))
            for key, change in changes.items()
            if change.after is not None
        ]
        return with_rows(Write("projections.client", "write_clients", rows))


CLIENT: Final = ClientView()
