"""What a search adds to what its tenant has used."""

import asyncio
from dataclasses import dataclass

import pytest

from services.queries.search import searcher
from services.runtime.fairness.current_request import RequestContext, under_way
from services.runtime.fairness.loop_shares import LoopShares, in_turns


@dataclass
class Clock:
    seconds: float = 0.0

    def perf_counter(self) -> float:
        return self.seconds


class Shares(LoopShares):
    """The tenant waits ten seconds for each turn."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.perf_counter)
        self.spent = 0.0
        self._of = clock

    def must_wait(self, tenant: str | None) -> bool:
        return True

    def turn(self, tenant: str | None) -> asyncio.Future[None]:
        self._of.seconds += 10
        return asyncio.get_running_loop().create_task(asyncio.sleep(0))

    def spend(self, tenant: str | None, seconds: float) -> None:
        self.spent += seconds


async def test_a_statement_counts_without_the_turns_that_its_request_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It counts from when it is sent until its answer is there."""
    clock = Clock()
    shares = Shares(clock)
    monkeypatch.setattr(searcher, "time", clock)
    request = RequestContext("id", shares, "heavy")

    async def statement() -> None:
        clock.seconds += 0.25
        await asyncio.sleep(0)
        clock.seconds += 0.25

    async def asked() -> None:
        for _ in range(2):
            await searcher.counted(statement())

    with under_way(request):
        await in_turns(asked(), request, shares)
    assert clock.seconds == 21
    assert shares.spent == pytest.approx(1.0)
