"""Settles the reservations of unique values when their events are on the log (design D6)."""

from collections.abc import Collection
from dataclasses import dataclass, field

from projections.fold_view import Owner
from schemas.events import Event
from schemas.reservation import ReservationKind


@dataclass(slots=True)
class Reservations:
    """Reservations to confirm or drop, by event id, and to release, by owner, kind and connection; the
    reservation of the last event that set the value is not released.

    Every event of a command is confirmed or dropped, even without a unique value, because the result of an
    idempotent request is a reservation too.
    """

    confirmed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    released: dict[tuple[Owner, ReservationKind, str], str] = field(default_factory=dict)
    owners: set[Owner] = field(default_factory=set)
    """The owners whose reservations were confirmed or released."""
    intertwined: bool = False
    """Whether several events of one owner were confirmed, so that the batch may release a reservation that it
    confirms."""

    def release(self, event: Event, owner: Owner, ended: Collection[tuple[Owner, str]]) -> None:
        """Release earlier reservations of these owners and connections, for the kinds that the event
        reserves. `owner` is the owner of the values that the event sets."""
        involved = {owner, *(holder for holder, _ in ended)}
        self.intertwined |= not self.owners.isdisjoint(involved)
        self.owners.update(involved)
        self.released.update(
            ((holder, kind, connection), event.id) for holder, connection in ended for kind in event.reserves
        )
