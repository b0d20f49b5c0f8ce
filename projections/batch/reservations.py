"""What becomes of reservations of unique values when the events that needed them are on the log (design
D6)."""

from collections.abc import Collection
from dataclasses import dataclass, field

from projections.fold_view import Owner
from schemas.events import Event
from schemas.reservation import ReservationKind


@dataclass(slots=True)
class Reservations:
    """Confirmed or dropped by event id; released by owner, kind and connection, except for the reservation of
    the last event that set the value.

    Every event of a command is confirmed or dropped, whether it reserves a value or not: the result of its
    request is reserved too.
    """

    confirmed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    released: dict[tuple[Owner, ReservationKind, str], str] = field(default_factory=dict)
    owners: set[Owner] = field(default_factory=set)
    """Whose reservations were confirmed or released."""
    intertwined: bool = False
    """Whether several events of one owner were confirmed: what the first one confirmed may be released here
    too."""

    def release(self, event: Event, owner: Owner, ended: Collection[tuple[Owner, str]]) -> None:
        """End the earlier reservations of these owners in these connections, for the kinds that the event
        reserves. `owner` is whose values the event sets."""
        involved = {owner, *(holder for holder, _ in ended)}
        self.intertwined |= not self.owners.isdisjoint(involved)
        self.owners.update(involved)
        self.released.update(
            ((holder, kind, connection), event.id) for holder, connection in ended for kind in event.reserves
        )
