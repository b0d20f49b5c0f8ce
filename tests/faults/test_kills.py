"""Whatever is killed, at whatever moment: nothing accepted is lost, nothing counts twice."""

import asyncio
import signal
from typing import Any

import pytest

from schemas.topics import Topic
from tests.samples.raw_logins import make_data, make_event
from tests.worlds.pipeline import Pipeline
from tests.worlds.workers import WORKERS, Workers, all_workers

PEOPLE = 200


async def sign_in(pipeline: Pipeline, run: str, rounds: int) -> int:
    """Log in each person this many times and return the number of logins."""
    events: list[list[dict[str, Any]]] = [[] for _ in range(12)]
    for person in range(PEOPLE):
        claims = {
            "sub": f"1000000000000000{person:05}",
            "name": f"Person {person}",
            "email": f"p{person}@example.com",
        }
        events[person % 12] += [
            make_event(id=f"{run}-{person}-{number}", data=make_data(claims=claims))
            for number in range(rounds)
        ]
    for partition, logins in enumerate(events):
        await pipeline.send_raw(*logins, partition=partition)
    return PEOPLE * rounds


async def all_is_exact(workers: Workers, each: int) -> None:
    """Every login counts once, for its person, and every event is a leaf of the trail."""
    pipeline = workers.pipeline
    await pipeline.stack.until(lambda: reached(workers, each * PEOPLE), timeout=60)
    counts = await pipeline.rows("SELECT logins_count, count(*) AS people FROM views.activity GROUP BY 1")
    assert [(row["logins_count"], row["people"]) for row in counts] == [(each, PEOPLE)]
    events = await pipeline.logged(Topic.PROFILE_EVENTS)
    await pipeline.stack.until(lambda: equals(workers.leaves(), len(events)), timeout=60)
    assert await pipeline.letters(Topic.LOGINS_RAW_DLQ) == []
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []


async def reached(workers: Workers, logins: int) -> bool:
    return await workers.logins() >= logins


async def equals(count: object, wanted: int) -> bool:
    return await count == wanted  # type: ignore[misc]


async def at_work(workers: Workers, name: str) -> bool:
    return await workers.handled(name) > 0


async def test_killed_in_the_middle_of_its_work(pipeline: Pipeline) -> None:
    """Each worker in turn dies by SIGKILL while logins keep coming, and is started again."""
    async with all_workers(pipeline) as workers:
        for number, name in enumerate((*WORKERS, *WORKERS), 1):
            publishing = asyncio.create_task(sign_in(pipeline, f"round {number}", 10))
            await pipeline.stack.until(lambda name=name: at_work(workers, name), timeout=60)
            assert await workers.end(name, signal.SIGKILL) == -signal.SIGKILL
            await workers.start(name)
            await publishing
        await all_is_exact(workers, 60)


async def test_sigterm_lets_workers_finish(pipeline: Pipeline) -> None:
    """After SIGTERM during a stream, the exit code is 0, the heartbeat is deleted, and the next process
    continues."""
    async with all_workers(pipeline) as workers:
        publishing = asyncio.create_task(sign_in(pipeline, "before", 20))
        for name in WORKERS:
            await pipeline.stack.until(lambda name=name: at_work(workers, name), timeout=60)
        for name in WORKERS:
            assert await workers.end(name, signal.SIGTERM) == 0
        assert await pipeline.rows("SELECT FROM ledger.heartbeat") == []
        await publishing
        for name in WORKERS:
            await workers.start(name)
        await all_is_exact(workers, 20)


@pytest.mark.parametrize("victim", WORKERS)
async def test_one_down_the_others_go_on(pipeline: Pipeline, victim: str) -> None:
    """Without one worker the others reach the end of what there is for them; back again it catches up."""
    async with all_workers(pipeline) as workers:
        await sign_in(pipeline, "first", 1)
        await all_is_exact(workers, 1)
        await workers.end(victim, signal.SIGKILL)
        expected = {"normalizer": PEOPLE, "projector": PEOPLE, "auditor": 2 * PEOPLE}[victim]
        before = len(await pipeline.logged(Topic.PROFILE_EVENTS))
        await sign_in(pipeline, "second", 1)
        if victim != "normalizer":
            await pipeline.stack.until(lambda: logged(pipeline, before + PEOPLE), timeout=60)
        if victim == "projector":
            await pipeline.stack.until(lambda: equals(workers.leaves(), before + PEOPLE), timeout=60)
        await pipeline.stack.until(lambda: equals(workers.logins(), expected), timeout=60)
        await workers.start(victim)
        await all_is_exact(workers, 2)


async def logged(pipeline: Pipeline, count: int) -> bool:
    return len(await pipeline.logged(Topic.PROFILE_EVENTS)) >= count


async def test_a_lost_database_is_retried(pipeline: Pipeline) -> None:
    """Every session of the workers is cut off, again and again: batches are retried, not dropped or
    doubled."""
    async with all_workers(pipeline) as workers:
        for name in WORKERS:
            await pipeline.stack.until(lambda name=name: beats(workers, name), timeout=60)
        publishing = asyncio.create_task(sign_in(pipeline, "through the storm", 30))
        while not publishing.done():
            await pipeline.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename LIKE 'vita_%'"
            )
            await asyncio.wait([publishing], timeout=0.5)
        await publishing
        await all_is_exact(workers, 30)
        assert all(process.returncode is None for process in workers.running.values())


async def beats(workers: Workers, name: str) -> bool:
    pid = workers.running[name].pid
    return bool(
        await workers.pipeline.rows("SELECT FROM ledger.heartbeat WHERE worker = $1 AND pid = $2", name, pid)
    )
