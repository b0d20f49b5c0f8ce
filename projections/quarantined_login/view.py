"""The view of quarantined logins: the applied reports of each tenant."""

from collections.abc import Iterable, Mapping
from typing import Final

from projections.fold_view import Change, DecidingView, Keys, Verdict, Write, WriteBatch, with_rows
from projections.profile.state import Memory, dump_memory, load_memory
from projections.quarantined_login.fold import fold
from projections.row import Row
from schemas.events import Event, LoginQuarantined


class QuarantinedLoginView(DecidingView[str, Memory]):
    """The memory of quarantined logins, by tenant."""

    name = "quarantined_login"
    tables = ("quarantined_login",)
    read = "read_quarantined"
    absent = Memory()

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event reports a quarantined login."""
        return event_type == "profile.login.quarantined"

    def key(self, event: Event) -> str:
        """Return the tenant."""
        return event.tenant

    def fold(self, state: Memory, event: LoginQuarantined) -> Memory:
        """Return the memory after the event."""
        return fold(state, event)

    def verdict(self, before: Memory, after: Memory, event: LoginQuarantined) -> Verdict:
        """Return whether the event is a duplicate or counts."""
        return "duplicate" if after is before else "counts"

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[str, Memory]:
        """Return the memory of each tenant."""
        return {row["tenant"]: load_memory(row["memory"]) for row in rows}

    def writes(self, changes: Mapping[str, Change[Memory]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed memories."""
        rows = [(tenant, dump_memory(change.after).decode()) for tenant, change in changes.items()]
        return with_rows(Write("projections.quarantined_login", "write_quarantined", rows))


QUARANTINED_LOGIN: Final = QuarantinedLoginView()
