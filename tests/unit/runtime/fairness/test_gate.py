"""Places shared by tenants: shares, order, bounded queues."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.fairness.gate import FairGate
from services.runtime.fairness.shares import OverShare


async def settled() -> None:
    """Lets every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class Visit:
    """A task that enters, and leaves when the test says so."""

    def __init__(self, gate: FairGate, tenant: str, order: list[str], patience: float = 60) -> None:
        self.tenant, self.over = tenant, asyncio.Event()
        self._gate, self._order, self._patience = gate, order, patience
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._gate.place(self.tenant, self._patience):
            self._order.append(self.tenant)
            await self.over.wait()


async def test_a_tenant_with_a_hundred_waiting_does_not_delay_another() -> None:
    """Of four places a hostile tenant gets two; a quiet one is let in at once, again and again."""
    gate, order = FairGate("places", 4, 2, 100), list[str]()
    hostile = [Visit(gate, "hostile", order) for _ in range(100)]
    await settled()
    assert order == ["hostile"] * 2
    for _ in range(5):
        async with gate.place("quiet", 60), gate.place("quiet", 60):
            await settled()
    assert order == ["hostile"] * 2
    for visit in hostile:
        visit.over.set()
    await asyncio.gather(*(visit.task for visit in hostile))
    assert len(order) == 100
    assert gate.is_open
    assert not gate._held
    assert not gate._waiting


async def test_a_free_place_goes_to_the_tenant_that_holds_the_fewest() -> None:
    """Two hostile tenants hold everything and have many waiting; who comes next is the newcomer."""
    gate, order = FairGate("places", 2, 1, 100), list[str]()
    first = {name: Visit(gate, name, order) for name in ("a", "b")}
    await settled()
    waiting = [Visit(gate, name, order) for name in "aaabbb"]
    await settled()
    quiet = Visit(gate, "quiet", order)
    await settled()
    first["a"].over.set()
    await settled()
    quiet.over.set()
    await settled()
    assert order.index("quiet") <= 3
    for visit in (*first.values(), *waiting):
        visit.over.set()
    await asyncio.gather(*(visit.task for visit in (*first.values(), *waiting, quiet)))
    assert sorted(order) == sorted(["a"] * 4 + ["b"] * 4 + ["quiet"])


async def test_the_queue_of_a_tenant_is_bounded() -> None:
    """One more than may wait is refused at once; other tenants may still wait."""
    gate, order = FairGate("places", 1, 1, 2), list[str]()
    visits = [Visit(gate, "a", order) for _ in range(3)]
    await settled()
    with pytest.raises(OverShare):
        async with gate.place("a", 60):
            raise AssertionError
    visits.append(Visit(gate, "b", order))
    await settled()
    for visit in visits:
        visit.over.set()
    await asyncio.gather(*(visit.task for visit in visits))
    assert order == ["a", "b", "a", "a"]


async def test_who_is_to_blame_for_a_long_wait() -> None:
    """OverShare for a tenant that holds its share itself, TimeoutError where others hold the places."""
    gate = FairGate("places", 1, 1, 2)
    async with gate.place("a", 60):
        with pytest.raises(OverShare):
            async with gate.place("a", 0.001):
                raise AssertionError
        with pytest.raises(TimeoutError):
            async with gate.place("b", 0.001):
                raise AssertionError
    assert gate.is_open
    assert not gate._held
    assert not gate._waiting


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave", "cancel"])), max_size=60)
)
def test_no_place_is_lost(steps: list[tuple[str, str]]) -> None:
    """Whatever comes, goes or is cancelled: never more inside than there are places, and in the end all are
    free."""

    async def run() -> None:
        gate, order = FairGate("places", 3, 2, 5), list[str]()
        visits: list[Visit] = []
        for tenant, step in steps:
            if step == "enter":
                visits.append(Visit(gate, tenant, order))
            mine = [visit for visit in visits if visit.tenant == tenant]
            if step == "leave" and mine:
                mine[0].over.set()
                visits.remove(mine[0])
                await settled()
                mine[0].task.cancel()
            if step == "cancel" and mine:
                mine[-1].task.cancel()
                visits.remove(mine[-1])
            assert gate._free >= 0
            assert all(held <= 2 for held in gate._held.values())
        for visit in visits:
            visit.task.cancel()
        await asyncio.gather(*(visit.task for visit in visits), return_exceptions=True)
        await settled()
        async with AsyncExitStack() as stack:
            for tenant in "abc":
                await stack.enter_async_context(gate.place(tenant, 60))
        assert gate._free == 3
        assert not gate._held
        assert not gate._waiting

    asyncio.run(run())
