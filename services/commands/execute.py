"""The one way to write: read, decide, reserve, seal, append, wait for the view, read the outcome."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.events import Event
from schemas.formats.identifiers import key_owner, tenant_subject
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, seal_event
from services.commands.conflict_retry import retry_on_conflict
from services.commands.context import Command, CommandContext, begin_command, to_events
from services.commands.decision import Decision, Draft
from services.commands.reserve import Bearer, Reserver
from services.commands.writer import EVENT_TOO_LARGE, NotSent, Writer, Written, count_appended
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.reservations import Reservation
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import NOT_FOUND, Rejected, Rejection

State = TypeVar("State")
Shown = TypeVar("Shown")
Decide = Callable[[State], Decision | Awaitable[Decision]]
"""Decides a command on a state: the events, none if nothing changes, or a rejection. A decision that needs
more than the state awaits it and passes it to a pure function."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of the events that a command appends: the subject in the log, and the keys that seal them."""

    subject: str
    keys: SubjectKeys


class Absent(Exception):
    """The object that a command would remove does not exist."""


class Aggregate(ABC, Generic[State, Shown]):
    """The unit that a command changes: how its state is read, and how the view shows whether a command took
    effect.

    `busy` rejects a command that other writes keep overtaking, `gone` one whose keys are destroyed. With
    `always_conditional` a command takes effect only on the revision that it was decided on; otherwise only if
    the caller expects a revision.
    """

    busy: Rejection
    gone: Rejection = NOT_FOUND
    always_conditional: bool = True

    @abstractmethod
    async def read(self) -> State:
        """Return the present state. Raises Rejected if there is none that a command could change, Absent if
        that leaves nothing to remove."""

    @abstractmethod
    def revision(self, state: State) -> int:
        """Return the revision of a state."""

    @abstractmethod
    async def owner(self, state: State) -> Owner:
        """Return the owner of the events that change the state."""

    @abstractmethod
    async def outcome(self, state: State, events: Sequence[Event], conditional: bool) -> Shown:
        """Return what the view shows once it has seen the events of a command decided on `state`.

        Raises Conflict if another write came first, and Rejected if the command had no effect for another
        reason.
        """

    def bearer(self, state: State, wanted: Sequence[Reservation]) -> Bearer:
        """Return for whom a command reserves values. Raises NotImplementedError where no command does."""
        raise NotImplementedError

    def exclusive(self, _guarded: bool) -> AbstractAsyncContextManager[None]:
        """Return a lock that is held while a command is executed."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Executed(Generic[State, Shown]):
    """The result of a command.

    `state` is the state that it was decided on, `shown` the state that the view shows afterwards: None if the
    view does not show it yet or if nothing was written. `command` and `written` are None if nothing was
    written.
    """

    state: State
    command: Command | None = None
    written: Written | None = None
    shown: Shown | None = None


class Executor:
    """Executes commands."""

    def __init__(self, database: TenantPool, keyring: Keyring, writer: Writer, reserver: Reserver) -> None:
        self._database, self._keyring = database, keyring
        self._writer, self._reserver = writer, reserver

    async def execute(
        self, context: CommandContext, aggregate: Aggregate[State, Shown], decide: Decide[State]
    ) -> Executed[State, Shown]:
        """Carry out a command, again from the beginning when another write came first.

        Raises Rejected: what reading, deciding and reserving reject, stale_revision, `aggregate.busy`, and
        unavailable if it is not known whether the events were written. Raises Transient.
        """

        async def attempt() -> Executed[State, Shown]:
            return await self._attempt(context, aggregate, decide)

        async with aggregate.exclusive(context.guarded):
            return await retry_on_conflict(attempt, aggregate.busy, context.guarded)

    async def execute_if_present(
        self, context: CommandContext, aggregate: Aggregate[State, Shown], decide: Decide[State]
    ) -> Executed[State, Shown] | None:
        """Carry out a removal as `execute` does. Return None if the aggregate is Absent."""
        try:
            return await self.execute(context, aggregate, decide)
        except Absent:
            return None

    async def _attempt(
        self, context: CommandContext, aggregate: Aggregate[State, Shown], decide: Decide[State]
    ) -> Executed[State, Shown]:
        state = await aggregate.read()
        revision = aggregate.revision(state)
        expected = context.expected_revision(revision)
        if aggregate.always_conditional:
            expected = revision
        decision = decide(state)
        if isinstance(decision, Awaitable):
            decision = await decision
        if isinstance(decision, Rejection):
            raise Rejected(decision)
        if not decision.drafts:
            return Executed(state)
        context.status.may_have_written = True
        owner = await aggregate.owner(state)
        command = begin_command(context, decision.profile_bytes)
        events = to_events(command, owner.subject, conditional(decision.drafts, expected))
        if decision.reservations:
            bearer = aggregate.bearer(state, decision.reservations)
            await self._reserver.reserve(context.tenant, bearer, decision.reservations, events)
        written = await self.append(context, events, owner.keys, aggregate.gone)
        if not written.visible:
            return Executed(state, command, written)
        shown = await aggregate.outcome(state, events, expected is not None)
        return Executed(state, command, written, shown)

    async def append(
        self, context: CommandContext, events: Sequence[Event], keys: SubjectKeys, gone: Rejection
    ) -> Written:
        """Append the events of a command and wait for the view.

        Raises Rejected: `gone` if the keys have been destroyed, too_large, or unavailable if it is not known
        whether the events were written. What was reserved for them is given back if they certainly were not.
        """
        context.status.may_have_written = True
        try:
            return await self._writer.write(events, keys, context.pending)
        except (NotSent, KeyDestroyed) as error:
            await self._reserver.release(context.tenant, events)
            raise _not_written(error, gone) from error

    async def post(self, tenant: str, events: Sequence[Event], keys: SubjectKeys) -> None:
        """Append events without waiting for the view. Raises Rejected as `append` does."""
        try:
            records = [seal_event(event, keys) for event in events]
            await self._writer.append(tenant, [event.id for event in events], records)
            count_appended(events)
        except (NotSent, KeyDestroyed) as error:
            raise _not_written(error, NOT_FOUND) from error

    async def tenant_owner(self, tenant: str) -> Owner:
        """Return the owner of the events of a tenant's configuration."""
        return await self.owner_of(tenant, tenant_subject(tenant))

    async def owner_of(self, tenant: str, subject: str) -> Owner:
        """Return the owner of a subject's events, with keys that are generated where there are none yet."""
        async with self._database.connection(tenant) as connection:
            keys = await ensure_keys(connection, self._keyring, tenant, key_owner(tenant, subject))
        return Owner(subject, keys)


def _not_written(error: NotSent | KeyDestroyed, gone: Rejection) -> Rejected:
    return Rejected(gone if isinstance(error, KeyDestroyed) else EVENT_TOO_LARGE)


def conditional(drafts: Sequence[Draft], expected_revision: int | None) -> tuple[Draft, ...]:
    """Return the drafts of one command with a condition, None for none. The first one carries it; the fold
    drops the rest of a command with it."""
    if expected_revision is None or not drafts:
        return tuple(drafts)
    first, *rest = drafts
    data = first.data.model_copy(update={"expected_revision": expected_revision})
    return (Draft(first.event, data), *rest)
