"""What a decision comes to: events to append, values to reserve, or a rejection."""

from dataclasses import dataclass
from typing import Any, Final

from schemas.events import EventData
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Draft:
    """An event without its envelope."""

    event: type[Any]
    data: EventData


@dataclass(frozen=True, slots=True)
class Accepted:
    """The events to append, wholly or not at all; none when nothing would change.

    `profile_bytes` is how large the profile becomes, where that is more than is advised.
    """

    drafts: tuple[Draft, ...]
    reservations: tuple[Reservation, ...] = ()
    profile_bytes: int | None = None


Decision = Accepted | Rejection
UNCHANGED: Final = Accepted(())
