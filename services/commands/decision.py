"""The result of a `decide` function: events to append and values to reserve, or a rejection."""

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
class Acceptance:
    """The events to append, all or none; no events when nothing would change.

    `profile_bytes` is the size that the profile will have, None if it is within the advised size.
    """

    drafts: tuple[Draft, ...]
    reservations: tuple[Reservation, ...] = ()
    profile_bytes: int | None = None


Decision = Acceptance | Rejection
UNCHANGED: Final = Acceptance(())
