"""What a decision comes to, and how its events are dressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from schemas.events import Event, EventData
from schemas.identifiers import new_event_id
from services.management.refusals import Refusal

SOURCE: Final = "/vita/management"
ClaimKind = Literal["email", "username", "phone_number", "user_id", "connection"]


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


Decision = Accepted | Refusal
UNCHANGED: Final = Accepted(())


@dataclass(frozen=True, slots=True)
class Command:
    """Who asks for something, when, and under which ids its events will be known."""

    id: str
    tenant: str
    actor: str
    now: datetime
    correlation_id: str | None = None
    traceparent: str | None = None


def dress(command: Command, subject: str, drafts: Sequence[Draft]) -> tuple[Event, ...]:
    """The drafts as events of one command."""
    return tuple(
        draft.event(
            id=new_event_id(command.now),
            source=SOURCE,
            subject=subject,
            time=command.now,
            tenant=command.tenant,
            actor=command.actor,
            correlationid=command.correlation_id,
            causationid=command.id,
            traceparent=command.traceparent,
            data=draft.data,
        )
        for draft in drafts
    )
