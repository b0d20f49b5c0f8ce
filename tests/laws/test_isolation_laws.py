"""Whatever records of a batch fail, the others are applied once and in order."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent, Transient
from services.runtime.worker import isolation
from services.runtime.worker.intake import WorkerFailed
from services.runtime.worker.isolation import MOST_IN_A_ROW, Isolation


class Spot(int):
    """A record, as the number of its offset."""

    topic, partition = "topic", 0

    @property
    def offset(self) -> int:
        return int(self)


class Journal:
    """A hop that applies pieces of a batch, up to the first record at fault, as the projector does."""

    def __init__(self, bad: set[int], piece: int, error: type[Exception] = ValueError) -> None:
        self.bad, self.piece, self.error = bad, piece, error
        self.applied: list[int] = []
        self.quarantined: list[int] = []
        self.done: list[int] = []

    async def apply(self, records: Sequence[Any]) -> bool:
        for start in range(0, len(records), self.piece):
            piece = records[start : start + self.piece]
            if self.bad.intersection(piece):
                raise self.error("personal data")
            self.applied += piece
        return True

    async def remaining(self, records: Sequence[Any]) -> Sequence[Any]:
        return [record for record in records if record not in self.applied]

    async def quarantine(self, record: Any, error: InvalidEvent) -> bool:
        assert (error.reason, error.detail) == ("unprocessable", self.error.__name__)
        self.quarantined.append(record)
        return True

    async def finish(self, records: Sequence[Any]) -> None:
        self.done += records

    def bring(self, count: int) -> bool:
        records = [Spot(number) for number in range(count)]
        found = Isolation(self.apply, self.remaining, self.quarantine, self.finish)
        return asyncio.run(found.bring_to_an_end(records))


@pytest.fixture(autouse=True, scope="module")
def no_waiting() -> Any:
    """Attempts follow each other at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "BACKOFF_SECONDS", 0)
        patch.setattr(isolation, "_log", Silent())
        yield


class Silent:
    def warning(self, *_: Any, **__: Any) -> None: ...

    def error(self, *_: Any, **__: Any) -> None: ...


@given(st.integers(1, 40), st.sets(st.integers(0, 39)), st.integers(1, 10))
def test_a_record_at_fault_stands_alone(count: int, bad: set[int], piece: int) -> None:
    """Every record is applied or quarantined exactly once, in order; nothing is done twice or left."""
    journal = Journal(bad, piece)
    assert journal.bring(count)
    assert journal.applied == [one for one in range(count) if one not in bad]
    assert journal.quarantined == [one for one in range(count) if one in bad]
    assert journal.done == list(range(count))


@pytest.mark.parametrize(
    "error", [asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError, Transient]
)
def test_a_fault_of_the_surroundings_quarantines_nothing(error: type[Exception]) -> None:
    """What a repair would let through is left for afterwards."""
    journal = Journal({3}, 1, error)
    with pytest.raises(error):
        journal.bring(10)
    assert journal.quarantined == []


def test_when_every_record_fails_the_records_are_not_at_fault() -> None:
    """A fault of the code does not put the whole log with the dead letters."""
    journal = Journal(set(range(1000)), 1)
    with pytest.raises(WorkerFailed, match="the cause is not in the records"):
        journal.bring(1000)
    assert len(journal.quarantined) == MOST_IN_A_ROW
