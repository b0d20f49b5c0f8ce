"""The effects of a batch outside of the views."""

from dataclasses import dataclass, field

from projections.batch.reservations import Reservations
from projections.logged import Logged
from schemas.revocation import Revocation


@dataclass(slots=True)
class Effects:
    """Effects of a batch outside of the views. A rebuild passes None instead and causes none."""

    reservations: Reservations = field(default_factory=Reservations)
    relays: list[tuple[Logged, str]] = field(default_factory=list)
    """Events to relay to another subject, each with that subject, in the order of the log."""
    revocations: list[Revocation] = field(default_factory=list)
    """Access that gateways must end, in the order of the log."""
