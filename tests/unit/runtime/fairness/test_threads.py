"""Threads shared by tenants: whose work is next, and how much may wait."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from services.runtime.fairness import threads as fair_threads
from services.runtime.fairness.shares import OverShare
from services.runtime.fairness.threads import FairThreads


async def test_the_next_work_is_that_of_the_tenant_that_has_none_in_a_thread() -> None:
    """However much of another one's waits."""
    order: list[str] = []
    held = threading.Event()

    def work(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    with FairThreads("test", 1) as threads:
        first = asyncio.create_task(threads.run("noisy", held.wait))
        await asyncio.sleep(0)
        noisy = [asyncio.create_task(threads.run("noisy", work("noisy"))) for _ in range(20)]
        await asyncio.sleep(0)
        quiet = asyncio.create_task(threads.run("quiet", work("quiet")))
        await asyncio.sleep(0)
        held.set()
        await asyncio.gather(first, quiet, *noisy)
    assert order.index("quiet") <= 1
    assert order.count("noisy") == 20


async def test_too_much_of_one_tenant_is_refused() -> None:
    """What is beyond the queue gets its refusal at once; what waits is done."""
    held = threading.Event()
    with FairThreads("test", 1, waiting=2) as threads:
        tasks = [asyncio.create_task(threads.run("noisy", held.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(OverShare):
            await threads.run("noisy", held.wait)
        held.set()
        assert await asyncio.gather(*tasks) == [True] * 3


async def test_what_the_work_raises_is_raised() -> None:
    """The error of the work is raised, and the thread continues."""
    with FairThreads("test", 2) as threads:
        with pytest.raises(ZeroDivisionError):
            await threads.run("demo", lambda: 1 // 0)
        assert await threads.run("demo", lambda: 1) == 1


@pytest.mark.parametrize("counted", [True, False])
async def test_what_the_work_uses_counts_for_its_tenant(
    counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processor time, not waiting, also of work that fails; none of it where it is not counted."""
    used: list[float] = []
    monkeypatch.setattr(fair_threads, "spend", used.append)

    def work() -> None:
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            pass
        raise ZeroDivisionError

    with FairThreads("test", 1, counted=counted) as threads:
        with pytest.raises(ZeroDivisionError):
            await threads.run("demo", work)
    assert [seconds >= 0.01 for seconds in used] == [True] * counted
