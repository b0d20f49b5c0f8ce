"""Tenants take turns on the event loop: which steps run between two of a quiet tenant's. The clock is the
test's own, so that a step costs what the test says."""

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from math import log
from typing import Any

import pytest

from services.runtime.fairness import loop_shares
from services.runtime.fairness.loop_shares import SMALL_SHARE, WINDOW_SECONDS, LoopShares, in_steps, in_turns

HEAVY = WINDOW_SECONDS * SMALL_SHARE
"""A step after which a tenant uses more than a small share."""


@dataclass
class Request:
    tenant: str | None


@dataclass
class Loop:
    """A clock that moves while steps compute, and the order in which they ran."""

    seconds: float = 0.0
    ran: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shares = LoopShares(lambda: self.seconds)

    async def steps(self, name: str, count: int, each: float) -> int:
        for _ in range(count):
            self.seconds += each
            self.ran.append(name)
            await asyncio.sleep(0)
        return count

    def start(self, tenant: str, count: int, each: float) -> asyncio.Task[int]:
        async def run() -> int:
            return await in_turns(self.steps(tenant, count, each), Request(tenant), self.shares)

        return asyncio.create_task(run())


async def test_between_two_steps_of_a_quiet_tenant_others_have_one_at_most() -> None:
    """Ten requests of a heavy tenant would run ten steps in each round of the loop."""
    loop = Loop()
    await loop.start("heavy", 1, HEAVY * 2)
    await loop.start("quiet", 1, 0)
    loop.ran.clear()
    heavy = [loop.start("heavy", 20, HEAVY / 100) for _ in range(10)]
    quiet = loop.start("quiet", 10, 0)
    assert await quiet == 10
    between = "".join(name[0] for name in loop.ran).strip("h").split("q")[1:-1]
    assert max(map(len, between)) <= 1
    assert await asyncio.gather(*heavy) == [20] * 10


async def test_a_tenant_that_is_alone_waits_for_nothing() -> None:
    """Requests without a known tenant do not make other requests wait either."""
    loop = Loop()
    await loop.start("heavy", 3, HEAVY * 2)
    await in_turns(loop.steps("unknown", 3, HEAVY * 2), Request(None), loop.shares)
    assert not loop.shares.must_wait("heavy")
    await loop.start("quiet", 1, 0)
    assert loop.shares.must_wait("heavy")
    assert not loop.shares.must_wait("quiet")


async def test_use_is_forgotten() -> None:
    """Who was heavy a while ago is not any more, and who was active long ago does not count."""
    loop = Loop()
    await loop.start("heavy", 1, HEAVY * 2)
    await loop.start("quiet", 1, 0)
    loop.seconds += 5 * WINDOW_SECONDS
    assert not loop.shares.must_wait("heavy")
    loop.seconds += 2 * loop_shares.ACTIVE_SECONDS
    await loop.start("heavy", 1, HEAVY * 2)
    assert not loop.shares.must_wait("heavy")


async def test_the_turn_is_that_of_the_tenant_that_used_least() -> None:
    """For any waiting tenants and any order of arrival."""
    loop = Loop()
    await loop.start("most", 1, HEAVY * 8)
    await loop.start("less", 1, HEAVY * 2)
    loop.ran.clear()
    await asyncio.gather(*(loop.start(name, 3, 0) for name in ("most", "most", "less", "less")))
    first_wait = loop.ran[4:]
    assert first_wait == ["less"] * 4 + ["most"] * 4


async def test_a_request_that_is_given_up_while_it_waits_leaves_the_turn_to_the_next() -> None:
    """A cancelled request receives the cancellation and delays no other request."""
    loop = Loop()
    await loop.start("heavy", 1, HEAVY * 2)
    await loop.start("quiet", 1, 0)
    tasks = [loop.start("heavy", 5, HEAVY) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [5, 5]


async def test_errors_go_in_and_out() -> None:
    """What the work awaits raises inside of it; what it raises is raised."""
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        with pytest.raises(KeyError):
            await failing
        raise ValueError("the work's own")

    task = asyncio.create_task(_awaited(work()))
    await asyncio.sleep(0)
    failing.set_exception(KeyError("inner"))
    with pytest.raises(ValueError, match="the work's own"):
        await task


async def _awaited(work: Coroutine[Any, Any, None]) -> None:
    await in_turns(work, Request("demo"), LoopShares())


async def test_items_are_taken_in_steps() -> None:
    """Others run between two items once a step took its time, and not before."""
    ran: list[int | str] = []

    async def other() -> None:
        while True:
            ran.append("other")
            await asyncio.sleep(0)

    def run(item: int) -> int:
        ran.append(item)
        return item

    async def take(step_seconds: float) -> list[int | str]:
        ran.clear()
        beside = asyncio.create_task(other())
        assert [run(item) async for item in in_steps(range(3), lambda: step_seconds)] == [0, 1, 2]
        beside.cancel()
        return ran

    assert await take(float("inf")) == [0, 1, 2]
    assert await take(-1.0) == [0, "other", 1, "other", 2, "other"]


def test_steps_are_short_while_others_are_active() -> None:
    """A tenant that is alone ends its steps less often; not while, or soon after, another was active."""
    loop = Loop()
    loop.shares.spend(None, 0.1)
    loop.shares.spend("busy", 0.1)
    assert loop.shares.step_seconds("busy") == loop_shares.ALONE_STEP_SECONDS
    loop.shares.spend("other", 0.1)
    assert loop.shares.step_seconds("busy") == loop_shares.STEP_SECONDS
    loop.seconds += 2 * loop_shares.ACTIVE_SECONDS
    loop.shares.spend("busy", 0.1)
    assert loop.shares.step_seconds("busy") == loop_shares.ALONE_STEP_SECONDS


def limited(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> LoopShares:
    """A tenant may use a quarter; waiting moves the clock on."""
    rest = asyncio.sleep

    async def sleep(seconds: float) -> None:
        loop.seconds += seconds
        await rest(0)

    monkeypatch.setattr(loop_shares, "sleep", sleep)
    return LoopShares(lambda: loop.seconds, most=0.25)


async def test_a_tenant_begins_nothing_until_it_has_used_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its requests used in threads and in the database counts; it waits until the average over the
    window is the most that it may use."""
    loop = Loop()
    shares = limited(loop, monkeypatch)
    shares.spend("quiet", 0.001)
    shares.spend("heavy", 0.5)
    await shares.enter("quiet")
    assert loop.seconds == 0
    await shares.enter("heavy")
    assert loop.seconds == pytest.approx(WINDOW_SECONDS * log(2))
    await shares.enter("heavy")
    assert loop.seconds == pytest.approx(WINDOW_SECONDS * log(2))


async def test_requests_of_a_tenant_begin_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first one uses counts before the next begins, so that many at once use no more."""
    loop = Loop()
    shares = limited(loop, monkeypatch)
    shares.spend("quiet", 0.001)
    shares.spend("heavy", 0.5)
    begun: list[float] = []

    async def request() -> None:
        await shares.enter("heavy")
        begun.append(loop.seconds)
        shares.spend("heavy", 0.25)

    await asyncio.gather(*(request() for _ in range(5)))
    pauses = [after - before for before, after in pairwise(begun)]
    assert pauses == [pytest.approx(WINDOW_SECONDS * log(2))] * 4


async def test_a_tenant_without_company_may_use_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """So may every tenant where the limit is 1, and one whose neighbours have long been silent."""
    loop = Loop()
    shares = limited(loop, monkeypatch)
    shares.spend(None, 0.001)
    shares.spend("heavy", 50)
    await shares.enter("heavy")
    shares.spend("quiet", 0.001)
    loop.seconds += 2 * loop_shares.ACTIVE_SECONDS
    shares.spend("heavy", 50)
    before = loop.seconds
    await shares.enter("heavy")
    assert loop.seconds == before
    free = LoopShares(lambda: loop.seconds)
    free.spend("quiet", 0.001)
    free.spend("heavy", 50)
    await free.enter("heavy")
    assert loop.seconds == before


class Failure(Exception):
    pass


async def test_what_failed_is_gone_with_its_request() -> None:
    """No cycle keeps its error, and the frames and bodies that hang on it, until the collector runs."""
    raised: list[weakref.ref[Failure]] = []

    async def failing() -> None:
        raise Failure

    async def work() -> None:
        try:
            await asyncio.create_task(failing())
        except Failure as failure:
            raised.append(weakref.ref(failure))

    gc.collect()
    gc.disable()
    try:
        await in_turns(work(), Request("demo"), Loop().shares)
        await asyncio.sleep(0)
        assert [found() for found in raised] == [None]
    finally:
        gc.enable()
