"""Commands that change several users: completely or not at all, also after a crash (design D16).

The events of a command are sealed and stored in the ledger before the first one is appended, and they stay
there until the last one has taken effect. Each event takes effect once, however often it is appended. A
process that finds a command whose process has ended, or that no process has worked on for
`reservation_settle_seconds`, therefore carries it out again from the beginning.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from projections.profile.changes.links import commands_of
from projections.profile.row import profile_of
from schemas.formats.identifiers import record_key
from schemas.formats.positions import Position
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record, parse_sealed, read_sealed, seal_event
from services.commands.context import Command, CommandContext, begin_command, to_events
from services.commands.decision import Draft
from services.commands.links.decide import Participant, Steps
from services.commands.user_rejections import NO_SUCH_USER
from services.commands.writer import EVENT_TOO_LARGE, OUTCOME_UNKNOWN, NotSent, WaitTimes, Writer
from services.ledger import reservations, sagas
from services.ledger.keys.subject_keys import wrapped_keys
from services.ledger.keys.users import whole_users
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.sagas import StoredSaga
from services.runtime.background import start_task
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection

Kind = Literal["link", "unlink", "delete", "restore"]
RETRY_SECONDS: Final = 0.1
_log = structlog.get_logger()


class _Busy(Exception):
    """Another saga has one of these people."""


@dataclass(frozen=True, slots=True)
class Saga:
    """A command in progress: the events to append, and the event that reverts it."""

    tenant: str
    command: str
    events: tuple[Record, ...]
    undo: Record | None = None


@dataclass(frozen=True, slots=True)
class SagaResult:
    """The position of a saga's last event, and whether it took effect; None while that is unknown."""

    position: Position
    took_effect: bool | None


@dataclass(slots=True)
class _Progress:
    """The progress of a saga. `took_effect` is None while it is unknown."""

    position: Position | None = None
    took_effect: bool | None = None


Participants = Mapping[str, Participant]
Decide = Callable[[Participants], Steps]
"""Decides the steps on the states of all people, which no other saga can change meanwhile. Raises
Rejected."""


@dataclass(frozen=True, slots=True)
class SagaPlan:
    """The subjects and the decision of a saga. `requested` is the subject in the request; `busy` rejects the
    saga if another one has one of the subjects."""

    kind: Kind
    subjects: Sequence[str]
    requested: str
    decide: Decide
    busy: Rejection


class Sagas:
    """Executes sagas, and completes those that another process left."""

    def __init__(
        self, database: TenantPool, keyring: Keyring, writer: Writer, watch: PositionWatch, times: WaitTimes
    ) -> None:
        self._database, self._keyring = database, keyring
        self._writer, self._watch, self._times = writer, watch, times
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """Cancel the sagas in progress; the next process that settles sagas completes them."""
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def execute(self, context: CommandContext, plan: SagaPlan) -> SagaResult:
        """Execute a saga, and return its progress within the time of a request.

        A link is rejected if another saga has one of its people; commands that end links wait. Raises
        Rejected: `plan.busy`, the rejections of `plan.decide`, and unavailable if the log did not confirm an
        event in time. Raises Taken if the steps reserve a value that another user has, and Transient.
        """
        context.status.may_have_written = True
        patience = 0 if plan.kind == "link" else self._times.view_seconds
        saga = await self._begin_in_turn(context, plan, time.monotonic() + patience)
        progress = _Progress()
        task = self._start(saga, progress)
        await asyncio.wait([task], timeout=self._times.view_seconds)
        if not task.done() and progress.position is None:
            await asyncio.wait([task], timeout=self._times.append_seconds)
        if task.done():
            try:
                task.result()
            except NotSent as error:
                raise Rejected(EVENT_TOO_LARGE) from error
        if progress.position is None:
            raise Rejected(OUTCOME_UNKNOWN)
        return SagaResult(progress.position, progress.took_effect)

    async def read(
        self, tenant: str, subjects: Sequence[str] = (), user_ids: Sequence[str] = ()
    ) -> dict[str, Participant]:
        """Return those of these people that the view has, by subject. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            found, _keys = await read_participants(connection, self._keyring, tenant, subjects, user_ids)
        return found

    async def _begin_in_turn(self, context: CommandContext, plan: SagaPlan, until: float) -> Saga:
        command = begin_command(context)
        while True:
            try:
                return await self._begin(context, command, plan)
            except _Busy:
                settled = await self.settle(context.tenant, plan.subjects)
                if not settled and time.monotonic() > until:
                    raise Rejected(plan.busy) from None
                if not settled:
                    await asyncio.sleep(RETRY_SECONDS)
            except KeyDestroyed as error:
                raise Rejected(NO_SUCH_USER) from error

    async def _begin(self, context: CommandContext, command: Command, plan: SagaPlan) -> Saga:
        tenant = context.tenant
        async with self._database.connection(tenant) as connection, connection.transaction():
            subjects = sorted(plan.subjects)
            if not await sagas.reserve_participants(connection, tenant, command.id, subjects):
                raise _Busy
            participants, keys = await read_participants(connection, self._keyring, tenant, subjects=subjects)
            steps = plan.decide(participants)
            saga = _sealed(command, steps, keys, plan.requested)
            await _reserve(connection, saga, steps)
            if context.pending is not None:
                first = saga.events[0]
                subject = read_sealed(*first).subject
                await context.pending.note(subject, _event_id(first), keys[subject], connection)
            await sagas.begin(connection, tenant, plan.kind, _stored(saga), self._watch.holder)
        return saga

    async def settle(self, tenant: str, subjects: Sequence[str] | None = None) -> int:
        """Complete abandoned sagas, of all people or of these, and return their number."""
        age = self._times.settle_seconds
        async with self._database.connection(tenant) as connection:
            stored = await sagas.abandoned(connection, tenant, age, subjects)
        left = [_left(tenant, one) for one in stored]
        tasks = [self._start(saga, _Progress()) for saga in left if await self._may_go_on_with(saga)]
        if tasks:
            await asyncio.wait(tasks, timeout=self._times.view_seconds)
            _log.info("sagas_settled", looked_at=len(tasks))
        return sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks)

    async def _may_go_on_with(self, saga: Saga) -> bool:
        mine = set(self._writer.under_way().get(saga.tenant, ()))
        busy = saga.command in self._at_work or any(_event_id(record) in mine for record in saga.events)
        async with self._database.connection(saga.tenant) as connection:
            if busy:
                await sagas.touch(connection, saga.tenant, saga.command)
                return False
            age = self._times.settle_seconds
            return await sagas.take_over(connection, saga.tenant, saga.command, age, self._watch.holder)

    def _start(self, saga: Saga, progress: _Progress) -> asyncio.Task[None]:
        task = start_task(self._bring_to_an_end(saga, progress))
        self._at_work[saga.command] = task
        task.add_done_callback(lambda _: self._ended(saga, task))
        return task

    def _ended(self, saga: Saga, task: asyncio.Task[None]) -> None:
        self._at_work.pop(saga.command, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("saga_left", error=type(error).__name__)

    async def _bring_to_an_end(self, saga: Saga, progress: _Progress) -> None:
        """Append the events, each after the previous one took effect. If the second one is refused, the first
        one is reverted."""
        progress.took_effect = None
        took = True
        for number, record in enumerate(saga.events):
            try:
                await self._append(saga, record, progress)
            except NotSent:
                if number == 0:
                    await self._end(saga)
                raise
            if saga.undo is not None and not await self._took_effect(saga, record):
                took = False
                if number:
                    await self._append(saga, saga.undo, progress)
                break
        await self._end(saga)
        progress.took_effect = took

    async def _end(self, saga: Saga) -> None:
        async with self._database.connection(saga.tenant) as connection:
            await sagas.end(connection, saga.tenant, saga.command)

    async def _append(self, saga: Saga, record: Record, progress: _Progress) -> None:
        """Append an event and wait for the view, without a time limit."""
        async with self._database.connection(saga.tenant) as connection:
            await sagas.touch(connection, saga.tenant, saga.command)
        progress.position = await self._writer.append(saga.tenant, [_event_id(record)], [record])
        while not await self._watch.wait_for(progress.position, self._times.view_seconds):
            _log.warning("saga_waits_for_the_view")

    async def _took_effect(self, saga: Saga, record: Record) -> bool:
        """Whether the view shows the person as linked by this command."""
        subject = read_sealed(*record).subject
        async with self._database.connection(saga.tenant) as connection:
            found, _keys = await read_participants(connection, self._keyring, saga.tenant, subjects=[subject])
        participant = found.get(subject)
        return participant is not None and saga.command in commands_of(participant.profile)


async def read_participants(
    connection: DatabaseConnection,
    keyring: Keyring,
    tenant: str,
    subjects: Sequence[str] = (),
    user_ids: Sequence[str] = (),
) -> tuple[dict[str, Participant], dict[str, SubjectKeys]]:
    """Return those of these users that the view has, and their keys, by subject."""
    rows = await whole_users(connection, tenant, subjects, user_ids)
    keys = {row["subject"]: keyring.open(tenant, row["subject"], wrapped_keys(row)) for row in rows}
    profiles = (profile_of(row, (tenant, row["subject"]), keys[row["subject"]]) for row in rows)
    found = {
        row["subject"]: Participant(row["subject"], one) for row, one in zip(rows, profiles, strict=True)
    }
    return found, keys


def _sealed(command: Command, steps: Steps, keys: Mapping[str, SubjectKeys], requested: str) -> Saga:
    """Seal the events. Only those of the requested subject describe the request."""
    silent = command.without_log_entry()

    def sealed(step: tuple[str, Draft]) -> Record:
        subject, draft = step
        (event,) = to_events(command if subject == requested else silent, subject, (draft,))
        return seal_event(event, keys[subject])

    undo = None
    if steps.undo is not None:
        (event,) = to_events(silent, steps.undo[0], (steps.undo[1],))
        undo = seal_event(event, keys[steps.undo[0]])
    return Saga(command.tenant, command.id, tuple(map(sealed, steps.events)), undo)


async def _reserve(connection: DatabaseConnection, saga: Saga, steps: Steps) -> None:
    """Reserve what the steps need, each value for the subject and the event of its step. Raises Taken."""
    for place, (subject, _) in enumerate(steps.events):
        wanted = [one for one in steps.reservations if one.draft == place]
        ids = [_event_id(record) for record in saga.events]
        for name in sorted({one.connection for one in wanted}):
            of_connection = [one for one in wanted if one.connection == name]
            await reservations.reserve(connection, saga.tenant, subject, of_connection, ids)


def _stored(saga: Saga) -> StoredSaga:
    undo = None if saga.undo is None else saga.undo.value
    return StoredSaga(saga.command, tuple(record.value for record in saga.events), undo)


def _left(tenant: str, stored: StoredSaga) -> Saga:
    undo = None if stored.undo is None else _record(stored.undo)
    return Saga(tenant, stored.command, tuple(map(_record, stored.events)), undo)


def _record(value: bytes) -> Record:
    sealed = parse_sealed(value)
    return Record(record_key(sealed.tenant, sealed.subject), value)


def _event_id(record: Record) -> str:
    identity: str = read_sealed(*record).envelope["id"]
    return identity
