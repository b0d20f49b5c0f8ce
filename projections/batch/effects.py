"""What a batch does outside of the views."""

from dataclasses import dataclass, field

from projections.batch.reservations import Reservations
from projections.logged import Logged
from schemas.revocation import Revocation


@dataclass(slots=True)
class Effects:
    """What a batch does outside of the views. A rebuild passes None in its place: then nothing is done."""

    reservations: Reservations = field(default_factory=Reservations)
    relays: list[tuple[Logged, str]] = field(default_factory=list)
    """Events that another subject takes, each with that subject, in the order of the log."""
    revocations: list[Revocation] = field(default_factory=list)
    """What gateways are to end, in the order of the log."""
