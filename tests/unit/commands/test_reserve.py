"""Reserving values: one transaction, one more try where something in the way could be released."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from schemas.events import Event, UserBlocked, UserFlagData
from services.commands.context import CommandContext, begin_command, to_events
from services.commands.decision import Draft
from services.commands.reserve import Bearer, Reserver
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejected, Rejection
from tests.samples.profile_events import SUBJECT

NAME = Reservation("role", "name", "Reader")
FULL = Rejection("invalid", "Full.")
COMMAND = begin_command(CommandContext(tenant="demo", actor="client:x"))
EVENTS: Sequence[Event] = to_events(COMMAND, SUBJECT, [Draft(UserBlocked, UserFlagData())])


class Connection:
    """A connection to a ledger in which `taken` attempts to reserve find the value taken."""

    def __init__(self, steps: list[Any], taken: int) -> None:
        self.steps, self.taken = steps, taken

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self.steps.append("begin")
        try:
            yield
        except BaseException:
            self.steps.append("rollback")
            raise
        self.steps.append("commit")

    async def fetch(
        self, _reserve: str, tenant: str, bearer: str, *columns: Sequence[Any]
    ) -> list[dict[str, str]]:
        """The rows that the statement `reserve` returns: none for a value that another bearer has."""
        assert (tenant, bearer) == ("demo", "rol_1")
        assert columns == (["role"], ["name"], ["Reader"], [UUID(EVENTS[0].id)])
        self.steps.append("reserve")
        self.taken -= 1
        return [] if self.taken >= 0 else [{"kind": "name"}]

    async def fetchval(self, _in_view: str, *_values: str) -> bool:
        """Whether the view has the name: no."""
        return False

    async def execute(self, _release: str, tenant: str, event_ids: Sequence[UUID]) -> str:
        self.steps.append(("release", tenant, list(event_ids)))
        return "DELETE 1"


class Ledger:
    """A database, and a reconciler that releases `orphans` reservations in the way of a command."""

    def __init__(self, taken: int = 0, orphans: int = 0) -> None:
        self.steps: list[Any] = []
        self._connection, self._orphans = Connection(self.steps, taken), orphans

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[Connection]:
        assert tenant == "demo"
        yield self._connection

    async def settle(self, tenant: str, among: Sequence[Reservation]) -> int:
        assert (tenant, list(among)) == ("demo", [NAME])
        self.steps.append("settle")
        return self._orphans

    def reserver(self) -> Reserver:
        return Reserver(self, self)  # type: ignore[arg-type]

    async def reserve(self, *, unused: bool | None = None, full: bool = False) -> None:
        """Reserves the name for a role; `unused` says whether the view could release it."""

        async def release() -> bool:
            self.steps.append("look")
            return bool(unused)

        async def check(connection: Any) -> None:
            assert connection is self._connection
            self.steps.append("check")
            if full:
                raise Rejected(FULL)

        bearer = Bearer("rol_1", _taken, None if unused is None else release, check)
        await self.reserver().reserve("demo", bearer, [NAME], EVENTS)


def _taken(kind: str) -> Rejection:
    return Rejection("conflict", f"The {kind} is taken.")


RESERVED = ["begin", "check", "reserve", "commit"]
IN_VAIN = ["begin", "check", "reserve", "rollback"]


async def test_a_free_value_is_reserved_in_one_transaction() -> None:
    """The capacity is checked in the transaction that reserves."""
    ledger = Ledger()
    await ledger.reserve()
    assert ledger.steps == RESERVED


async def test_a_value_that_nothing_bears_is_released_and_reserved() -> None:
    """The transaction that failed has ended by then; the log is not asked."""
    ledger = Ledger(taken=1)
    await ledger.reserve(unused=True)
    assert ledger.steps == [*IN_VAIN, "look", *RESERVED]


@pytest.mark.parametrize(("unused", "looked"), [(None, []), (False, ["look"])])
async def test_a_reservation_that_a_crash_left_is_settled(unused: bool | None, looked: list[str]) -> None:
    """When the view has nothing to release, the reconciler may."""
    ledger = Ledger(taken=1, orphans=1)
    await ledger.reserve(unused=unused)
    assert ledger.steps == [*IN_VAIN, *looked, "settle", *RESERVED]


async def test_a_taken_value_is_not_tried_again() -> None:
    """With nothing released the bearer's rejection is the answer, which names the kind."""
    ledger = Ledger(taken=1)
    with pytest.raises(Rejected) as refused:
        await ledger.reserve()
    assert refused.value.rejection == _taken("name")
    assert ledger.steps == [*IN_VAIN, "settle"]


async def test_a_value_that_is_taken_meanwhile_is_rejected() -> None:
    """What was released may be reserved by another command first; there is no third try."""
    ledger = Ledger(taken=2)
    with pytest.raises(Rejected) as refused:
        await ledger.reserve(unused=True)
    assert refused.value.rejection == _taken("name")
    assert ledger.steps == [*IN_VAIN, "look", *IN_VAIN]


async def test_without_capacity_nothing_is_reserved() -> None:
    """The rejection of the check is the answer, and nothing is released for it."""
    ledger = Ledger()
    with pytest.raises(Rejected) as refused:
        await ledger.reserve(unused=True, full=True)
    assert refused.value.rejection is FULL
    assert ledger.steps == ["begin", "check", "rollback"]


async def test_reservations_are_given_back_by_their_events() -> None:
    """Those of events that certainly are not on the log."""
    ledger = Ledger()
    await ledger.reserver().release("demo", EVENTS)
    assert ledger.steps == [("release", "demo", [UUID(EVENTS[0].id)])]
