"""How every batch ends: the loop all workers share, as a process on the real broker."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.topics import Topic
from tests.samples.profile_events import login
from tests.support.patience import soon
from tests.support.processes import HEARD, python
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, producing, unused_subject

SECRET = "jane@example.com"


@pytest_asyncio.fixture
async def topic(stack: Stack) -> str:
    """A topic that nothing has been read from, with one record that holds personal data."""
    name = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, name, SECRET)
    return name


async def send(stack: Stack, topic: str, *values: str, partition: int = 0) -> None:
    async with producing(stack.kafka) as producer:
        for value in values:
            await producer.send(topic, value.encode(), partition=partition)


class Running:
    """A worker process and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def hears(self) -> Any:
        """The next batch: how it ended and what was in it."""
        assert self.process.stdout is not None
        line = await soon(self.process.stdout.readline(), 30)
        return json.loads(line) if line else None

    async def ends(self) -> tuple[int, str]:
        """The exit code, and everything it wrote on stderr."""
        assert self.process.stderr is not None
        output = await soon(self.process.stderr.read(), 40)
        return await self.process.wait(), output.decode()

    async def ends_after_sigterm(self) -> tuple[int, str]:
        """Send SIGTERM and wait for the end of the process."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ends()


@asynccontextmanager
async def worker(stack: Stack, topic: str, script: str = "", **more: str) -> AsyncIterator[Running]:
    environment = {**stack.kafka.environment(), "TOPIC": topic, "SCRIPT": script, **more}
    async with python(
        "-m", "tests.support.scripted_worker", env=environment, stdout=HEARD, stderr=HEARD
    ) as process:
        yield Running(process)


async def test_applied_records_are_not_read_again(stack: Stack, topic: str) -> None:
    """After a clean end, the next process starts after the last batch."""
    async with worker(stack, topic) as one:
        assert await one.hears() == ["ok", [SECRET]]
        assert (await one.ends_after_sigterm())[0] == 0
        assert await one.hears() == ["stopped", []]
    await send(stack, topic, "second")
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", ["second"]]


async def test_records_that_expired_before_they_were_applied_are_reported(stack: Stack, topic: str) -> None:
    """Where retention has overtaken a worker that was away, its log names what is lost; the rest counts."""
    await send(stack, topic, "b", "c", "d")
    admin = AIOKafkaAdminClient(**stack.kafka.arguments())
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(3)})
    finally:
        await admin.close()
    async with worker(stack, topic, STORED='{"0": 1}', LOGS="json") as one:
        assert await one.hears() == ["ok", ["d"]]
        code, output = await one.ends_after_sigterm()
    (line,) = [json.loads(line) for line in output.splitlines() if "records_expired" in line]
    assert (code, line["level"], line["offset"], line["until"]) == (0, "error", 1, 3)


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


async def test_sigterm_while_retrying(stack: Stack, topic: str) -> None:
    """A worker that cannot finish its batch ends in time and leaves the batch to the next process."""
    async with worker(stack, topic, "transient " * 1000) as one:
        assert await one.hears() == ["transient", [SECRET]]
        await send(stack, topic, "second")
        code, _ = await one.ends_after_sigterm()
        assert code == 0
    async with worker(stack, topic) as other:
        assert (await other.hears())[1][0] == SECRET


@pytest.mark.parametrize("form", ["console", "json"])
async def test_a_failure_of_the_installation_ends_the_process(stack: Stack, topic: str, form: str) -> None:
    """An error that no record is at fault for ends the process with its place and type but without data; the
    batch is left to the next process."""
    async with worker(stack, topic, "broken", LOGS=form) as one:
        assert await one.hears() == ["broken", [SECRET]]
        code, output = await one.ends()
        assert await one.hears() == ["failed", ["UndefinedTableError: see the log"]]
        assert await one.hears() == ["stopped", []]
    assert code == 1
    assert "worker_failed" in output
    assert "UndefinedTableError" in output
    assert "scripted_worker.py" in output
    assert SECRET not in output
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", [SECRET]]


async def test_a_fenced_batch_is_read_again_from_the_stored_position(stack: Stack, topic: str) -> None:
    """Positions come from where the effects are, whatever the broker remembers."""
    await send(stack, topic, "b", "c")
    async with worker(stack, topic, "fenced ok", STORED='{"0": 1}') as one:
        fenced, again = await one.hears(), await one.hears()
        assert (fenced, again) == (["fenced", ["b", "c"]], ["ok", ["b", "c"]])
        assert (await one.ends_after_sigterm())[0] == 0
    async with worker(stack, topic, STORED='{"0": 2}') as other:
        assert await other.hears() == ["ok", ["c"]]
    async with worker(stack, topic, STORED="{}") as third:
        assert await third.hears() == ["ok", [SECRET, "b", "c"]]


async def test_nothing_is_read_before_the_stored_position_is_known(stack: Stack, topic: str) -> None:
    """A slow database does not let the consumer begin where the broker or the reset policy would."""
    await send(stack, topic, "b", "c")
    async with worker(stack, topic, STORED='{"0": 1}', SLOW="1") as one:
        assert await one.hears() == ["ok", ["b", "c"]]


async def applied(one: Running, count: int) -> list[str]:
    """The values of the next applied batches, once there are this many."""
    found: list[str] = []
    while len(found) < count:
        word, values = await one.hears()
        found += values if word == "ok" else []
    return found


async def test_a_record_at_fault_is_quarantined_and_its_batch_goes_on(stack: Stack, topic: str) -> None:
    """A batch that fails is split; the record that fails three times alone is quarantined with the error's
    type, every other one is applied once, in order, and none comes again."""
    await send(stack, topic, "b", "poison", "c", "d", "poison")
    async with worker(stack, topic) as one:
        said = []
        while len([word for word, _ in said if word.startswith("quarantined")]) < 2:
            said.append(await one.hears())
        assert (await one.ends_after_sigterm())[0] == 0
    assert ["quarantined unprocessable: RuntimeError", ["poison"]] in said
    assert said.count(["ok", ["poison"]]) == 6
    went_well = [
        value for word, values in said if word == "ok" and "poison" not in values for value in values
    ]
    assert went_well == [SECRET, "b", "c", "d"]
    await send(stack, topic, "e")
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", ["e"]]


async def test_a_failed_fetch_loses_nothing_of_other_partitions(stack: Stack, topic: str) -> None:
    """Records of all partitions are applied once and in order though fetches among them fail."""
    for partition in range(4):
        await send(stack, topic, *(f"{partition}-{n}" for n in range(50)), partition=partition)
    await send(stack, topic, "unreadable", "last", partition=2)
    async with worker(stack, topic, UNREADABLE="2") as one:
        found = await applied(one, 203)
        assert (await one.ends_after_sigterm())[0] == 0
    for partition in range(4):
        own = [value for value in found if value.startswith(f"{partition}-")]
        assert own == [f"{partition}-{n}" for n in range(50)]
    assert found.count("unreadable") == found.count("last") == found.count(SECRET) == 1


async def test_a_place_that_cannot_be_read_ends_the_process(stack: Stack, topic: str) -> None:
    """The worker names the place and the error's type; what is readable elsewhere has been applied."""
    await send(stack, topic, "unreadable")
    await send(stack, topic, "elsewhere", partition=1)
    async with worker(stack, topic, UNREADABLE="1000000") as one:
        assert await applied(one, 1) == ["elsewhere"]
        code, output = await one.ends()
    assert code == 1
    assert "cannot be read from offset 0 on: UnsupportedCodecError" in output
    async with worker(stack, topic) as other:
        assert await applied(other, 2) == [SECRET, "unreadable"]


async def test_a_record_the_client_skips_is_read_again(stack: Stack, topic: str) -> None:
    """A gap is accepted only if the broker has no record in it; a client that keeps skipping records ends the
    process."""
    await send(stack, topic, "skipped", "c")
    async with worker(stack, topic, SKIPPED="1") as one:
        assert await applied(one, 3) == [SECRET, "skipped", "c"]
        assert (await one.ends_after_sigterm())[0] == 0
    await send(stack, topic, "skipped", "d")
    async with worker(stack, topic, SKIPPED="3") as one:
        code, output = await one.ends()
    assert code == 1
    assert "the Kafka client skips records of" in output
    async with worker(stack, topic) as other:
        assert await applied(other, 2) == ["skipped", "d"]


async def test_a_worker_that_hangs_is_ended(stack: Stack, topic: str) -> None:
    """A batch that never ends makes the worker stuck: it says so with the reason and ends, and the batch is
    left."""
    async with worker(stack, topic, "hang", WATCHDOG="1") as one:
        assert await one.hears() == ["hang", [SECRET]]
        code, output = await one.ends()
        state, (reason,) = await one.hears()
    assert (code, state) == (1, "stuck")
    assert reason.startswith("no progress for 1 s while records wait: a batch of 1 from ")
    assert reason in output
    async with worker(stack, topic) as other:
        assert await other.hears() == ["ok", [SECRET]]


async def test_a_worker_whose_loop_stands_still_is_ended(stack: Stack, topic: str) -> None:
    """A process with a blocked event loop is ended with a traceback without values."""
    async with worker(stack, topic, "block", WATCHDOG="0.1") as one:
        assert await one.hears() == ["block", [SECRET]]
        code, output = await one.ends()
    assert code == 1
    assert "scripted_worker.py" in output
    assert SECRET not in output


async def test_an_idle_worker_is_not_stuck(stack: Stack, topic: str) -> None:
    """A worker without waiting records waits without a time limit."""
    async with worker(stack, topic, WATCHDOG="0.2") as one:
        assert await one.hears() == ["ok", [SECRET]]
        for value in ("b", "c"):
            await asyncio.sleep(1)
            await send(stack, topic, value)
            assert await one.hears() == ["ok", [value]]


async def test_a_recreated_topic_is_reported(stack: Stack) -> None:
    """A projector whose stored positions lie beyond the log's end stops and says what to do."""
    pipeline: Pipeline = await make_pipeline(stack)
    await pipeline.send_events(login(subject=unused_subject()))
    await pipeline.run(
        "INSERT INTO ledger.position SELECT 1, $1, partition, 1000 FROM generate_series(0, 11) AS partition",
        pipeline.prefix + Topic.PROFILE_EVENTS,
    )
    environment = stack.environment("projector", pipeline.database, pipeline.prefix)
    async with python("-m", "services.projector", env=environment, stderr=HEARD) as process:
        _, output = await soon(process.communicate())
    assert process.returncode == 1
    assert b"was the topic recreated? Rebuild the views" in output
    assert await pipeline.rows("SELECT FROM views.profile") == []


LARGE = "wait" + "x" * 80
"""A batch with such a record waits until the test releases it."""


async def test_other_partitions_do_not_wait_for_a_large_record(stack: Stack) -> None:
    """What follows it in its own partition does, so that a partition keeps its order."""
    topic = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, topic, LARGE)
    async with worker(stack, topic, LARGE="84") as running:
        assert await running.hears() == ["waits", [LARGE]]
        await send(stack, topic, "behind it")
        for value in ("one", "another"):
            await send(stack, topic, value, partition=1)
            assert await running.hears() == ["ok", [value]]
        running.process.send_signal(signal.SIGUSR1)
        assert await running.hears() == ["ok", [LARGE]]
        assert await running.hears() == ["ok", ["behind it"]]
        assert (await running.ends_after_sigterm())[0] == 0
    async with worker(stack, topic, LARGE="84") as other:
        await send(stack, topic, "new")
        assert await other.hears() == ["ok", ["new"]]


async def test_a_failed_fetch_leaves_a_large_record_alone(stack: Stack) -> None:
    """Its partition is not sought back while it is under way: it would be applied twice."""
    topic = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, topic, LARGE)
    async with worker(stack, topic, LARGE="84", UNREADABLE="2") as running:
        assert await running.hears() == ["waits", [LARGE]]
        await send(stack, topic, "unreadable", partition=1)
        assert await running.hears() == ["ok", ["unreadable"]]
        running.process.send_signal(signal.SIGUSR1)
        assert await running.hears() == ["ok", [LARGE]]
        await send(stack, topic, "next")
        assert await running.hears() == ["ok", ["next"]]


async def test_a_large_record_that_is_fenced_off_is_read_again(stack: Stack) -> None:
    """From the stored position of its partition; the others go on where they are."""
    topic = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, topic, "first", partition=1)
    async with worker(stack, topic, "ok fenced", LARGE="84", STORED="{}") as running:
        assert await running.hears() == ["ok", ["first"]]
        await send(stack, topic, LARGE)
        assert await running.hears() == ["waits", [LARGE]]
        running.process.send_signal(signal.SIGUSR1)
        assert await running.hears() == ["fenced", [LARGE]]
        assert await running.hears() == ["waits", [LARGE]]
        assert await running.hears() == ["ok", [LARGE]]
        await send(stack, topic, "second", partition=1)
        assert await running.hears() == ["ok", ["second"]]


async def test_a_large_record_that_hangs_ends_the_worker(stack: Stack) -> None:
    """Although other partitions go on."""
    topic = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, topic, LARGE)
    async with worker(stack, topic, LARGE="84", WATCHDOG="1") as running, asyncio.TaskGroup() as group:
        assert await running.hears() == ["waits", [LARGE]]

        async def others() -> None:
            while running.process.returncode is None:
                await send(stack, topic, "other", partition=1)

        group.create_task(others())
        code, output = await running.ends()
        assert code == 1
        assert "no progress for 1 s while records wait: a batch of 1 from" in output


async def test_sigterm_while_a_large_record_is_processed(stack: Stack) -> None:
    """It is brought to its end first."""
    topic = await stack.topics() + Topic.LOGINS_RAW
    await send(stack, topic, LARGE)
    async with worker(stack, topic, LARGE="84") as running:
        assert await running.hears() == ["waits", [LARGE]]
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGUSR1)
        assert await running.hears() == ["ok", [LARGE]]
        assert await running.hears() == ["stopped", []]
    async with worker(stack, topic) as other:
        await send(stack, topic, "next")
        assert await other.hears() == ["ok", ["next"]]
