"""What a decision comes to: events to append, values to reserve, or a rejection."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from schemas.events import EventData
from services.runtime.rejection import Rejection

ClaimKind = Literal["email", "username", "phone_number", "user_id", "connection", "name", "request"]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event without its envelope."""

    event: type[Any]
    data: EventData


@dataclass(frozen=True, slots=True)
class Claim:
    """A value that must be unique within a connection; `draft` is the index of the event that needs it."""

    connection: str
    kind: ClaimKind
    value: str
    draft: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """The events to append, wholly or not at all; none when nothing would change."""

    drafts: tuple[Draft, ...]
    claims: tuple[Claim, ...] = ()


Decision = Accepted | Rejection
UNCHANGED: Final = Accepted(())
