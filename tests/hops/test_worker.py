"""How every batch ends: the loop all workers share, as a process on the real broker."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from schemas.topics import Topic
from tests.facts import login
from tests.flow import Flow, make_flow, producing, somebody
from tests.stack import Stack

SECRET = "jane@example.com"


@pytest_asyncio.fixture
async def topic(stack: Stack) -> str:
    """A topic that nothing has been read from, with one record that holds personal data."""
    name = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, name, SECRET)
    return name


async def send(stack: Stack, topic: str, *values: str) -> None:
    async with producing(stack.kafka) as producer:
        for value in values:
            await producer.send(topic, value.encode(), partition=0)


class Running:
    """A worker process and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def hears(self) -> Any:
        """The next batch: how it ended and what was in it."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        return json.loads(line) if line else None

    async def ends(self) -> tuple[int, str]:
        """The exit code, and everything it wrote on stderr."""
        assert self.process.stderr is not None
        told = await asyncio.wait_for(self.process.stderr.read(), 40)
        return await self.process.wait(), told.decode()

    async def told_to_end(self) -> tuple[int, str]:
        """The same after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ends()


@asynccontextmanager
async def worker(stack: Stack, topic: str, script: str = "", **more: str) -> AsyncIterator[Running]:
    environment = {
        **os.environ,
        **stack.kafka.environment(),
        "TOPIC": topic,
        "SCRIPT": script,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scripted_worker",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_is_applied_is_not_seen_again(stack: Stack, topic: str) -> None:
    """After a clean end the next process starts behind the last batch."""
    async with worker(stack, topic) as one:
        assert await one.hears() == ["ok", [SECRET]]
        assert (await one.told_to_end())[0] == 0
        assert await one.hears() == ["stopped", []]
    await send(stack, topic, "second")
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", ["second"]]


async def test_a_passing_failure_is_retried(stack: Stack, topic: str) -> None:
    """The very same batch comes until it is applied; nothing behind it overtakes."""
    async with worker(stack, topic, "transient transient ok") as one:
        assert [await one.hears() for _ in range(3)] == [
            ["transient", [SECRET]],
            ["transient", [SECRET]],
            ["ok", [SECRET]],
        ]
        await send(stack, topic, "second")
        assert await one.hears() == ["ok", ["second"]]


async def test_told_to_end_while_retrying(stack: Stack, topic: str) -> None:
    """A worker that cannot finish its batch ends all the same, in time, and leaves the batch to the next."""
    async with worker(stack, topic, "transient " * 1000) as one:
        assert await one.hears() == ["transient", [SECRET]]
        await send(stack, topic, "second")
        code, _ = await one.told_to_end()
        assert code == 0
    async with worker(stack, topic) as other:
        assert (await other.hears())[1][0] == SECRET


@pytest.mark.parametrize("form", ["console", "json"])
async def test_an_unknown_failure_ends_the_process(stack: Stack, topic: str, form: str) -> None:
    """It ends with a failure, says where and of what type, tells nobody's data, and leaves the batch."""
    async with worker(stack, topic, "unknown", LOGS=form) as one:
        assert await one.hears() == ["unknown", [SECRET]]
        code, told = await one.ends()
        assert await one.hears() == ["stopped", []]
    assert code == 1
    assert "worker_failed" in told
    assert "RuntimeError" in told
    assert "scripted_worker.py" in told
    assert SECRET not in told
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", [SECRET]]


async def test_a_fenced_batch_is_read_again_from_the_stored_position(stack: Stack, topic: str) -> None:
    """Positions come from where the effects are, whatever the broker remembers."""
    await send(stack, topic, "b", "c")
    async with worker(stack, topic, "fenced ok", STORED='{"0": 1}') as one:
        fenced, again = await one.hears(), await one.hears()
        assert (fenced, again) == (["fenced", ["b", "c"]], ["ok", ["b", "c"]])
        assert (await one.told_to_end())[0] == 0
    async with worker(stack, topic, STORED='{"0": 2}') as other:
        assert await other.hears() == ["ok", ["c"]]
    async with worker(stack, topic, STORED="{}") as third:
        assert await third.hears() == ["ok", [SECRET, "b", "c"]]


async def test_nothing_is_read_before_the_stored_position_is_known(stack: Stack, topic: str) -> None:
    """A slow database does not let the consumer begin where the broker or the reset policy would."""
    await send(stack, topic, "b", "c")
    async with worker(stack, topic, STORED='{"0": 1}', SLOW="1") as one:
        assert await one.hears() == ["ok", ["b", "c"]]


async def test_a_topic_made_anew_is_told(stack: Stack) -> None:
    """A projector whose stored positions lie beyond the log's end stops and says what to do."""
    flow: Flow = await make_flow(stack)
    await flow.send_events(login(subject=somebody()))
    await flow.run(
        "INSERT INTO ledger.position SELECT 1, $1, partition, 1000 FROM generate_series(0, 11) AS partition",
        flow.prefix + Topic.PROFILE_EVENTS,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.projector",
        env={**os.environ, **stack.environment("projector", flow.database, flow.prefix)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"was the topic made anew? Rebuild the views" in told
    assert await flow.rows("SELECT FROM views.profile") == []
