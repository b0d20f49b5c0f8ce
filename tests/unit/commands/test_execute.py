"""The steps of a command, and what is written, given back and answered when one of them fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.events import Event, UserBlocked, UserFlagData, UserUnblocked
from schemas.formats.positions import Position
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import Record, open_event, read_sealed
from services.commands.conflict_retry import ATTEMPTS, Conflict
from services.commands.context import STALE_REVISION, CommandContext, RequestLog
from services.commands.decision import UNCHANGED, Acceptance, Decision, Draft
from services.commands.execute import Absent, Aggregate, Executor, Owner
from services.commands.reserve import Bearer
from services.commands.writer import EVENT_TOO_LARGE, OUTCOME_UNKNOWN, WaitTimes, Writer
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejected, Rejection
from tests.samples.profile_events import SUBJECT

KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
DESTROYED = SubjectKeys(1, None, None)
ADDRESS = "192.0.2.17"
BUSY = Rejection("conflict", "Busy.")
GONE = Rejection("not_found", "Gone.")
REFUSED = Rejection("invalid", "Refused.")
TAKEN = Rejection("conflict", "Taken.")
EMAIL = Reservation("users", "email", "jane@example.com")
BLOCK = Acceptance((Draft(UserBlocked, UserFlagData()), Draft(UserUnblocked, UserFlagData())))
BLOCK_RESERVED = Acceptance(BLOCK.drafts, (EMAIL,))


@dataclass
class Log:
    """A log that confirms each append at once, unless it refuses the records or never answers."""

    steps: list[str]
    records: list[Record] = field(default_factory=list)
    refuses: bool = False
    answers: bool = True

    def append(self, records: Sequence[Record]) -> asyncio.Future[Position]:
        self.steps.append("append")
        if self.refuses:
            raise ValueError("a record is too large")
        self.records += records
        appending: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        if self.answers:
            appending.set_result(Position(3, len(self.records) - 1))
        return appending


@dataclass
class Watch:
    """A view that shows every position, or none within the time that a command waits."""

    steps: list[str]
    shows: bool = True

    async def wait_for(self, _position: Position, _seconds: float) -> bool:
        self.steps.append("wait")
        return self.shows


@dataclass
class Reserver:
    """Remembers for which events values are reserved."""

    steps: list[str]
    taken: bool = False
    reserved: list[str] = field(default_factory=list)

    async def reserve(
        self, _tenant: str, bearer: Bearer, wanted: Sequence[Reservation], events: Sequence[Event]
    ) -> None:
        self.steps.append("reserve")
        assert (bearer.id, tuple(wanted)) == (SUBJECT, (EMAIL,))
        if self.taken:
            raise Rejected(bearer.taken(wanted[0].kind))
        self.reserved += [event.id for event in events]

    async def release(self, _tenant: str, events: Sequence[Event]) -> None:
        self.steps.append("release")
        self.reserved = [known for known in self.reserved if known not in {event.id for event in events}]


@dataclass
class User(Aggregate[int, str]):
    """A user whose state is a revision; other writes come first `overtaken` times."""

    steps: list[str]
    overtaken: int = 0
    present: bool = True
    keys: SubjectKeys = KEYS
    always_conditional: bool = True
    busy: Rejection = BUSY
    gone: Rejection = GONE
    current: int = 7
    decided: list[tuple[int, bool]] = field(default_factory=list)
    """The revision and the condition of each command that reached its outcome."""

    async def read(self) -> int:
        self.steps.append("read")
        if not self.present:
            raise Absent
        return self.current

    def revision(self, state: int) -> int:
        return state

    async def owner(self, state: int) -> Owner:
        self.steps.append("owner")
        return Owner(SUBJECT, self.keys)

    async def outcome(self, state: int, events: Sequence[Event], conditional: bool) -> str:
        self.steps.append("outcome")
        self.decided.append((state, conditional))
        self.current += 1
        if self.overtaken:
            self.overtaken -= 1
            raise Conflict
        return f"revision {self.current}"

    def bearer(self, state: int, wanted: Sequence[Reservation]) -> Bearer:
        return Bearer(SUBJECT, lambda kind: TAKEN)

    def exclusive(self, _guarded: bool) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def locked() -> AsyncIterator[None]:
            self.steps.append("lock")
            yield
            self.steps.append("unlock")

        return locked()


class Site:
    """An executor over the fakes, which note their steps in one list."""

    def __init__(self, **user: Any) -> None:
        self.steps: list[str] = []
        self.log, self.watch, self.reserver = Log(self.steps), Watch(self.steps), Reserver(self.steps)
        self.user = User(self.steps, **user)
        self.context = CommandContext(
            tenant="demo", actor="client:x", request_log=RequestLog(request={"ip": ADDRESS})
        )

    def executor(self, append_seconds: float = 30) -> Executor:
        writer = Writer(self.log, self.watch, WaitTimes(append_seconds, 1, 1))  # type: ignore[arg-type]
        return Executor(None, None, writer, self.reserver)  # type: ignore[arg-type]

    async def execute(self, decision: Decision = BLOCK, append_seconds: float = 30) -> Any:
        def decide(_state: int) -> Decision:
            self.steps.append("decide")
            return decision

        return await self.executor(append_seconds).execute(self.context, self.user, decide)

    async def refusal(self, decision: Decision = BLOCK, append_seconds: float = 30) -> Rejection:
        with pytest.raises(Rejected) as refused:
            await self.execute(decision, append_seconds)
        return refused.value.rejection

    def events(self) -> list[Any]:
        """The events on the log, opened with the owner's keys."""
        return [open_event(read_sealed(*record), KEYS) for record in self.log.records]


def guarded(site: Site, *revisions: int) -> Site:
    """The site with a caller who allows to change only these revisions."""
    site.context = CommandContext(tenant="demo", actor="client:x", expected_revisions=frozenset(revisions))
    return site


async def test_a_command_takes_its_steps_in_order() -> None:
    """Values are reserved before the events are appended, and the outcome is read once the view shows
    them."""
    site = Site()
    executed = await site.execute(BLOCK_RESERVED)
    assert site.steps == [
        "lock", "read", "decide", "owner", "reserve", "append", "wait", "outcome", "unlock",
    ]  # fmt: skip
    assert (executed.state, executed.shown) == (7, "revision 8")
    assert (executed.written.position, executed.written.visible) == (Position(3, 1), True)


async def test_events_are_sealed_and_name_their_command() -> None:
    """The record holds nothing personal in the clear; who has the keys reads the events of the command."""
    site = Site()
    executed = await site.execute(BLOCK_RESERVED)
    events = site.events()
    assert [type(event) for event in events] == [UserBlocked, UserUnblocked]
    assert {(event.subject, event.actor, event.causationid) for event in events} == {
        (SUBJECT, "client:x", executed.command.id)
    }
    assert [event.id for event in events] == site.reserver.reserved
    assert all(event.data.request["ip"] == ADDRESS for event in events)
    assert not any(ADDRESS.encode() in record.value for record in site.log.records)


async def test_a_decision_may_be_awaited() -> None:
    """A decision that needs more than the state is carried out like any other."""
    site = Site()

    async def decide(state: int) -> Decision:
        await asyncio.sleep(0)
        return BLOCK if state == 7 else REFUSED

    executed = await site.executor().execute(site.context, site.user, decide)
    assert executed.shown == "revision 8"


async def test_a_command_that_changes_nothing_writes_nothing() -> None:
    """Without events there is nothing to append and nothing to wait for."""
    site = Site()
    executed = await site.execute(UNCHANGED)
    assert (executed.state, executed.command, executed.written, executed.shown) == (7, None, None, None)
    assert site.steps == ["lock", "read", "decide", "unlock"]
    assert not site.context.status.may_have_written


async def test_a_refused_command_writes_nothing() -> None:
    """The rejection of the decision is the answer."""
    site = Site()
    assert await site.refusal(REFUSED) is REFUSED
    assert not site.log.records
    assert not site.context.status.may_have_written


async def test_a_taken_value_keeps_the_events_off_the_log() -> None:
    """A value that cannot be reserved rejects the command."""
    site = Site()
    site.reserver.taken = True
    assert await site.refusal(BLOCK_RESERVED) is TAKEN
    assert not site.log.records


async def test_a_conflict_starts_the_command_over() -> None:
    """Another write came first: the present state is read and decided on, and its revision is expected."""
    site = Site(overtaken=2)
    executed = await site.execute()
    assert (executed.state, executed.shown) == (9, "revision 10")
    assert site.user.decided == [(7, True), (8, True), (9, True)]
    assert [event.data.expected_revision for event in site.events()] == [7, None, 8, None, 9, None]
    assert len({event.causationid for event in site.events()}) == 3
    assert site.steps.count("lock") == 1


async def test_a_command_that_is_always_overtaken_is_refused() -> None:
    """After the last attempt the answer is that of the aggregate."""
    site = Site(overtaken=ATTEMPTS)
    assert await site.refusal() is BUSY
    assert site.steps.count("append") == ATTEMPTS


async def test_an_expected_revision_is_checked_before_anything_is_written() -> None:
    """A caller who allows other revisions only is rejected without a decision."""
    site = guarded(Site(), 6)
    assert await site.refusal() is STALE_REVISION
    assert site.steps == ["lock", "read"]


async def test_a_guarded_command_is_not_started_over() -> None:
    """What it was decided on has changed, even if the caller would allow to change the new revision too."""
    site = guarded(Site(overtaken=1), 7, 8)
    assert await site.refusal() is STALE_REVISION
    assert site.steps.count("append") == 1


@pytest.mark.parametrize(
    ("always", "allowed", "expected"), [(True, [], 7), (True, [7], 7), (False, [7], 7), (False, [], None)]
)
async def test_the_first_event_carries_the_condition(
    always: bool, allowed: list[int], expected: int | None
) -> None:
    """Commands on some aggregates take effect on any revision, unless the caller expects one."""
    site = Site(always_conditional=always)
    await (guarded(site, *allowed) if allowed else site).execute()
    assert [event.data.expected_revision for event in site.events()] == [expected, None]
    assert site.user.decided == [(7, expected is not None)]


async def test_events_that_the_log_refuses_give_back_what_they_reserved() -> None:
    """A change that is too large for an event is certainly not on the log."""
    site = Site()
    site.log.refuses = True
    assert await site.refusal(BLOCK_RESERVED) is EVENT_TOO_LARGE
    assert site.steps[-2:] == ["append", "release"]
    assert not site.reserver.reserved


async def test_a_person_whose_keys_are_destroyed_is_gone() -> None:
    """Nothing can be sealed, so nothing is appended, and what was reserved is given back."""
    site = Site(keys=DESTROYED)
    assert await site.refusal(BLOCK_RESERVED) is GONE
    assert "append" not in site.steps
    assert not site.reserver.reserved


async def test_an_unknown_outcome_keeps_the_reservation() -> None:
    """The log did not confirm in time: the events may still arrive and need their values."""
    site = Site()
    site.log.answers = False
    assert await site.refusal(BLOCK_RESERVED, append_seconds=0) is OUTCOME_UNKNOWN
    assert len(site.reserver.reserved) == 2
    assert site.context.status.may_have_written


async def test_a_view_that_lags_leaves_the_outcome_open() -> None:
    """The position is answered without what the view will show."""
    site = Site()
    site.watch.shows = False
    executed = await site.execute()
    assert (executed.written.position, executed.written.visible) == (Position(3, 1), False)
    assert executed.shown is None
    assert "outcome" not in site.steps


async def test_removing_what_is_absent_is_no_error() -> None:
    """There is nothing to decide and nothing to write."""
    site = Site(present=False)
    assert await site.executor().execute_if_present(site.context, site.user, lambda _: BLOCK) is None
    assert site.steps == ["lock", "read"]


async def test_a_posted_event_is_not_waited_for() -> None:
    """It is sealed and appended; the view is left to follow."""
    site = Site()
    await site.execute()
    (first, _), site.steps[:] = site.events(), []
    await site.executor().post("demo", [first], KEYS)
    assert site.steps == ["append"]
    assert site.events()[-1] == first
    with pytest.raises(Rejected):
        await site.executor().post("demo", [first], DESTROYED)
