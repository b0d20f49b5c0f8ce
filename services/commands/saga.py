"""Commands that touch several people: wholly or not at all, whatever crashes (design D16).

A command's events are sealed and laid down in the ledger before the first one is appended, and they lie there
until the last one has had its effect. Each has an effect once, however often it is appended. So whoever finds
a command whose process has ended, or that nobody has been at for `claim_settle_seconds`, carries it out
again from the beginning.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg
import structlog

from projections.profile.changes.links import commands_of
from projections.profile.row import profile_of
from schemas.formats.identifiers import record_key
from schemas.formats.positions import Position
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record, parse_sealed, read_sealed, seal_event
from services.commands.context import Command, to_events
from services.commands.links.decide import Party, Steps
from services.commands.outcome import Draft
from services.commands.pending import Pending
from services.commands.users.rejections import NO_SUCH_USER
from services.commands.writer import EVENT_TOO_LARGE, NotSent, Writer
from services.ledger import sagas
from services.ledger.keys.subject_keys import wrapped_keys
from services.ledger.keys.users import whole_users
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.sagas import StoredSaga
from services.management.settings import Settings
from services.runtime.background import start_task
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected

Kind = Literal["link", "unlink", "delete"]
RETRY_SECONDS: Final = 0.1
_log = structlog.get_logger()


class Busy(Exception):
    """Somebody of these people is being linked already."""


@dataclass(frozen=True, slots=True)
class Link:
    """A command on its way: what is appended, and what takes it back."""

    tenant: str
    command: str
    events: tuple[Record, ...]
    undo: Record | None = None


@dataclass(slots=True)
class Progress:
    """How far a command has come; `took_effect` is None while that is open."""

    position: Position | None = None
    took_effect: bool | None = None


Decide = Callable[[Mapping[str, Party]], Steps]
"""The steps, decided on everybody as they are once nobody else links them. Raises Rejected."""


class Links:
    """Begins such commands, carries them out, and brings those to an end that were left."""

    def __init__(
        self, settings: Settings, database: TenantPool, keyring: Keyring, writer: Writer, watch: PositionWatch
    ) -> None:
        self._settings, self._database, self._keyring = settings, database, keyring
        self._writer, self._watch = writer, watch
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """Leaves what is under way to whoever comes next."""
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def carry_out(
        self,
        command: Command,
        kind: Kind,
        subjects: Sequence[str],
        asked: str,
        decide: Decide,
        pending: Pending | None = None,
    ) -> Progress:
        """Does it; how far it came in the time a request has. `asked` is the subject the request was about.

        Two links of one person do not wait for one another; what ends links waits its turn. Raises Busy when
        somebody else is at these people, Rejected as `decide` does or when the log does not answer.
        """
        patience = 0 if kind == "link" else self._settings.view_wait_seconds
        link = await self._turn(command, kind, subjects, asked, decide, pending, time.monotonic() + patience)
        progress = Progress()
        task = self._start(link, progress)
        await asyncio.wait([task], timeout=self._settings.view_wait_seconds)
        if not task.done() and progress.position is None:
            await asyncio.wait([task], timeout=self._settings.append_wait_seconds)
        if task.done():
            try:
                task.result()
            except NotSent as error:
                raise Rejected(EVENT_TOO_LARGE) from error
        return progress

    async def _turn(
        self,
        command: Command,
        kind: Kind,
        subjects: Sequence[str],
        asked: str,
        decide: Decide,
        pending: Pending | None,
        until: float,
    ) -> Link:
        while True:
            try:
                return await self._begin(command, kind, subjects, asked, decide, pending)
            except Busy:
                settled = await self.settle(command.tenant, subjects)
                if not settled and time.monotonic() > until:
                    raise
                if not settled:
                    await asyncio.sleep(RETRY_SECONDS)
            except KeyDestroyed as error:
                raise Rejected(NO_SUCH_USER) from error

    async def _begin(
        self,
        command: Command,
        kind: Kind,
        subjects: Sequence[str],
        asked: str,
        decide: Decide,
        pending: Pending | None,
    ) -> Link:
        tenant, wanted = command.tenant, sorted(subjects)
        async with self._database.connection(tenant) as connection, connection.transaction():
            if not await sagas.reserve_parties(connection, tenant, command.id, wanted):
                raise Busy
            parties, keys = await read_parties(connection, self._keyring, tenant, subjects=wanted)
            link = _sealed(command, decide(parties), keys, asked)
            if pending is not None:
                first = link.events[0]
                subject = read_sealed(*first).subject
                await pending.note(subject, _event_id(first), keys[subject], connection)
            await sagas.begin(connection, tenant, kind, _stored(link), self._watch.holder)
        return link

    async def settle(self, tenant: str, subjects: Sequence[str] | None = None) -> int:
        """Brings to an end what was left, of all or of these people; how many there were."""
        age = self._settings.claim_settle_seconds
        async with self._database.connection(tenant) as connection:
            stored = await sagas.abandoned(connection, tenant, age, subjects)
        left = [_left(tenant, one) for one in stored]
        tasks = [self._start(link, Progress()) for link in left if await self._may_go_on_with(link)]
        if tasks:
            await asyncio.wait(tasks, timeout=self._settings.view_wait_seconds)
            _log.info("links_settled", looked_at=len(tasks))
        return sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks)

    async def _may_go_on_with(self, link: Link) -> bool:
        mine = set(self._writer.under_way().get(link.tenant, ()))
        busy = link.command in self._at_work or any(_event_id(record) in mine for record in link.events)
        async with self._database.connection(link.tenant) as connection:
            if busy:
                await sagas.touch(connection, link.tenant, link.command)
                return False
            age = self._settings.claim_settle_seconds
            return await sagas.take_over(connection, link.tenant, link.command, age, self._watch.holder)

    def _start(self, link: Link, progress: Progress) -> asyncio.Task[None]:
        task = start_task(self._bring_to_an_end(link, progress))
        self._at_work[link.command] = task
        task.add_done_callback(lambda _: self._ended(link, task))
        return task

    def _ended(self, link: Link, task: asyncio.Task[None]) -> None:
        self._at_work.pop(link.command, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("link_left", error=type(error).__name__)

    async def _bring_to_an_end(self, link: Link, progress: Progress) -> None:
        """Every event after the other has had its effect; the first one is taken back when the second is
        refused."""
        progress.took_effect = None
        took = True
        for number, record in enumerate(link.events):
            try:
                await self._append(link, record, progress)
            except NotSent:
                if number == 0:
                    await self._end(link)
                raise
            if link.undo is not None and not await self._took_effect(link, record):
                took = False
                if number:
                    await self._append(link, link.undo, progress)
                break
        await self._end(link)
        progress.took_effect = took

    async def _end(self, link: Link) -> None:
        async with self._database.connection(link.tenant) as connection:
            await sagas.end(connection, link.tenant, link.command)

    async def _append(self, link: Link, record: Record, progress: Progress) -> None:
        """Appends and waits for the view, for as long as it takes."""
        async with self._database.connection(link.tenant) as connection:
            await sagas.touch(connection, link.tenant, link.command)
        progress.position = await self._writer.append(link.tenant, [_event_id(record)], [record])
        while not await self._watch.wait_for(progress.position, self._settings.view_wait_seconds):
            _log.warning("link_waits_for_the_view")

    async def _took_effect(self, link: Link, record: Record) -> bool:
        """Whether the view shows a person by this command as linked."""
        subject = read_sealed(*record).subject
        async with self._database.connection(link.tenant) as connection:
            parties, _ = await read_parties(connection, self._keyring, link.tenant, subjects=[subject])
        party = parties.get(subject)
        return party is not None and link.command in commands_of(party.profile)


async def read_parties(
    connection: asyncpg.Connection,
    keyring: Keyring,
    tenant: str,
    subjects: Sequence[str] = (),
    user_ids: Sequence[str] = (),
) -> tuple[dict[str, Party], dict[str, SubjectKeys]]:
    """Those of these people that the view knows, and their keys, by subject."""
    rows = await whole_users(connection, tenant, subjects, user_ids)
    keys = {row["subject"]: keyring.open(tenant, row["subject"], wrapped_keys(row)) for row in rows}
    profiles = (profile_of(row, (tenant, row["subject"]), keys[row["subject"]]) for row in rows)
    return {row["subject"]: Party(row["subject"], one) for row, one in zip(rows, profiles, strict=True)}, keys


def _sealed(command: Command, steps: Steps, keys: Mapping[str, SubjectKeys], asked: str) -> Link:
    """The events, of which that of the person the request was about tells of the request."""
    silent = command.without_log_entry()

    def sealed(step: tuple[str, Draft]) -> Record:
        subject, draft = step
        (event,) = to_events(command if subject == asked else silent, subject, (draft,))
        return seal_event(event, keys[subject])

    undo = None
    if steps.undo is not None:
        (event,) = to_events(silent, steps.undo[0], (steps.undo[1],))
        undo = seal_event(event, keys[steps.undo[0]])
    return Link(command.tenant, command.id, tuple(map(sealed, steps.events)), undo)


def _stored(link: Link) -> StoredSaga:
    undo = None if link.undo is None else link.undo.value
    return StoredSaga(link.command, tuple(record.value for record in link.events), undo)


def _left(tenant: str, stored: StoredSaga) -> Link:
    undo = None if stored.undo is None else _record(stored.undo)
    return Link(tenant, stored.command, tuple(map(_record, stored.events)), undo)


def _record(value: bytes) -> Record:
    sealed = parse_sealed(value)
    return Record(record_key(sealed.tenant, sealed.subject), value)


def _event_id(record: Record) -> str:
    identity: str = read_sealed(*record).envelope["id"]
    return identity
