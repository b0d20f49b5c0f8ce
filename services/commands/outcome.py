"""What a decision comes to, and how its events are dressed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from schemas.events import CommandData, Event, EventData
from schemas.formats.identifiers import new_event_id
from services.runtime.rejection import Rejection

SOURCE: Final = "/vita/management"
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


_SENT_ALONG: Final = ("correlation_id", "traceparent")
_DESCRIBING: Final = ("operation", "request", "profile_bytes")
_OF_EACH: Final = ("ip", "user_agent")
Decision = Accepted | Rejection
UNCHANGED: Final = Accepted(())


@dataclass(frozen=True, slots=True)
class Command:
    """Who asks for something, when, and under which ids its events will be known."""

    id: str
    tenant: str
    actor: str
    now: datetime
    request_id: str | None = None
    """The id that Vita gave the request."""
    correlation_id: str | None = None
    traceparent: str | None = None
    operation: str | None = None
    request: Mapping[str, Any] | None = None
    """How it was asked for, as the first event of the command tells it."""
    profile_bytes: int | None = None
    """How large the profile becomes, where that is more than is advised."""


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
            correlationid=command.request_id,
            causationid=command.id,
            data=_with_request(command, draft.data, first=index == 0),
        )
        for index, draft in enumerate(drafts)
    )


def _with_request(command: Command, data: EventData, *, first: bool) -> EventData:
    """The data with what the caller sent along and the caller's address and user agent, since each event has
    log entries of its own; the first event of a command describes the whole request."""
    if not isinstance(data, CommandData):
        return data
    names = (*_SENT_ALONG, *(_DESCRIBING if first else ()))
    told: dict[str, Any] = {name: getattr(command, name) for name in names}
    if not first:
        told["request"] = _caller(command.request)
    given = {name: value for name, value in told.items() if value is not None}
    return data.model_copy(update=given) if given else data


def _caller(request: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if request is None else {name: request[name] for name in _OF_EACH if name in request}
