"""The caller of a command, its conditions, and the description of the request in its events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from schemas.events import CommandData, Event, EventData
from schemas.formats.identifiers import new_event_id
from schemas.formats.instants import truncate
from services.commands.decision import Draft
from services.commands.pending import Pending
from services.runtime.rejection import Rejected, Rejection

SOURCE: Final = "/vita/management"
STALE_REVISION: Final = Rejection(
    "stale_revision", "The resource has changed since the revision named in If-Match.", "precondition_failed"
)
_OF_EACH_EVENT: Final = ("ip", "user_agent")


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The request of a command, for the log entries of its events. All fields may be unknown.

    `request_id` is Vita's id of the request and `operation` the summary of the operation. `request` describes
    the request, without secrets and without a body that is larger than the change.
    """

    request_id: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    operation: str | None = None
    request: Mapping[str, Any] | None = None


@dataclass(slots=True)
class WriteStatus:
    """Whether a command may have written something. The caller reads it after a failure."""

    may_have_written: bool = False


def current_time() -> datetime:
    """Return the time in the precision of events."""
    return truncate(datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """The caller's context of a command.

    `actor` is recorded in events. `expected_revisions` are the revisions that the caller allows to change,
    None for any. `pending` is the idempotent request that the command's first event decides, None if there is
    none. Each attempt of a command reads `clock`, so that later events have later times.
    """

    tenant: str
    actor: str
    expected_revisions: frozenset[int] | None = None
    request_log: RequestLog = field(default=RequestLog())
    pending: Pending | None = None
    status: WriteStatus = field(default_factory=WriteStatus, compare=False)
    clock: Callable[[], datetime] = current_time

    @property
    def guarded(self) -> bool:
        """Whether the caller allows certain revisions only."""
        return self.expected_revisions is not None

    def unguarded(self) -> "CommandContext":
        """Return the context of a command that has no revision to expect."""
        return self if self.expected_revisions is None else replace(self, expected_revisions=None)

    def expected_revision(self, current: int) -> int | None:
        """Return the revision that events must expect: `current` for a guarded caller, None for any other.

        Raises Rejected (stale_revision) if the caller does not allow to change the current revision.
        """
        if self.expected_revisions is None:
            return None
        if current not in self.expected_revisions:
            raise Rejected(STALE_REVISION)
        return current


@dataclass(frozen=True, slots=True)
class Command:
    """One attempt to execute a command. Its id is the cause of its events.

    `profile_bytes` is the size of the resulting profile if it exceeds the advised size, otherwise None.
    """

    id: str
    tenant: str
    actor: str
    now: datetime
    request_log: RequestLog = field(default=RequestLog())
    profile_bytes: int | None = None

    def without_log_entry(self) -> "Command":
        """Return the command for events that add no log entry for the operation."""
        return replace(self, request_log=replace(self.request_log, operation=None))


def begin_command(context: CommandContext, profile_bytes: int | None = None) -> Command:
    """Return an attempt with a new id."""
    now = context.clock()
    return Command(new_event_id(now), context.tenant, context.actor, now, context.request_log, profile_bytes)


def to_events(command: Command, subject: str, drafts: Sequence[Draft]) -> tuple[Event, ...]:
    """Return the drafts as events of one command to this subject."""
    return tuple(
        draft.event(
            id=new_event_id(command.now),
            source=SOURCE,
            subject=subject,
            time=command.now,
            tenant=command.tenant,
            actor=command.actor,
            correlationid=command.request_log.request_id,
            causationid=command.id,
            data=_with_request(command, draft.data, first=index == 0),
        )
        for index, draft in enumerate(drafts)
    )


def _with_request(command: Command, data: EventData, *, first: bool) -> EventData:
    """Return the data with the caller's ids, address and user agent, because each event has its own log
    entries. Only the first event of a command has the whole request."""
    if not isinstance(data, CommandData):
        return data
    log = command.request_log
    known: dict[str, Any] = {"correlation_id": log.correlation_id, "traceparent": log.traceparent}
    if first:
        known |= {
            "operation": log.operation,
            "request": log.request,
            "profile_bytes": command.profile_bytes,
        }
    else:
        known["request"] = _caller(log.request)
    given = {name: value for name, value in known.items() if value is not None}
    return data.model_copy(update=given) if given else data


def _caller(request: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if request is None:
        return None
    return {name: request[name] for name in _OF_EACH_EVENT if name in request}
