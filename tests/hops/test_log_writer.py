"""Appending to the log on the real broker: many at once share batches, each whole and in its order."""

import asyncio
import gc
import warnings
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.protocol.metadata import MetadataRequest

from schemas.errors import Transient
from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from schemas.topics import Topic
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_writer import BATCH_BYTES, LogWriter, partition_of
from services.runtime.kafka.producers import open_producer
from tests.support.patience import A_WHILE
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline


async def appended(pipeline: Pipeline, commands: list[list[Record]]) -> list[Position]:
    """The positions of the last record of each, all appended concurrently."""
    log = await LogWriter.open(pipeline.stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    try:
        return await asyncio.gather(*(log.append(records) for records in commands))
    finally:
        await log.close()


async def test_appends_of_one_moment_are_each_whole_and_in_their_order(stack: Stack) -> None:
    """Every command's records stand next to each other where its position says, those of one key in the order
    they were appended, also when they need several batches."""
    pipeline = await make_pipeline(stack)
    size = BATCH_BYTES // 40
    commands = [
        [Record(b"demo/%d" % (n % 5), b"%d.%d %s" % (n, part, b"x" * size)) for part in range(1 + n % 3)]
        for n in range(60)
    ]
    positions = await appended(pipeline, commands)
    written = {(r.partition, r.offset): r.value for r in await pipeline.logged(Topic.PROFILE_EVENTS)}
    assert len(written) == sum(map(len, commands))
    ends: defaultdict[bytes, list[int]] = defaultdict(list)
    for command, position in zip(commands, positions, strict=True):
        first = position.offset - len(command) + 1
        found = [written[position.partition, offset] for offset in range(first, position.offset + 1)]
        assert found == [record.value for record in command]
        ends[command[0].key].append(position.offset)
    assert all(offsets == sorted(offsets) for offsets in ends.values())


async def test_a_command_beyond_one_batch_is_refused_and_a_single_event_is_not(stack: Stack) -> None:
    """Several records that do not fit into a batch are refused at once, all or none; a single large record
    gets its own batch."""
    pipeline = await make_pipeline(stack)
    half = Record(b"demo/1", b"x" * (BATCH_BYTES // 2))
    whole = Record(b"demo/1", b"x" * BATCH_BYTES)
    with pytest.raises(ValueError, match="too large"):
        await appended(pipeline, [[half, half]])
    small = Record(b"demo/1", b"small")
    first, middle, last = await appended(pipeline, [[small], [whole], [small]])
    assert (middle.offset, last.offset) == (first.offset + 1, first.offset + 2)


async def test_what_a_closed_log_cannot_send_fails_for_everybody(stack: Stack) -> None:
    """No caller waits forever: the outcome is reported as unknown."""
    pipeline = await make_pipeline(stack)
    log = await LogWriter.open(stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    await log.close()
    one, other = log.append([Record(b"demo/1", b"a")]), log.append([Record(b"demo/1", b"b")])
    assert [type(await _failure(future)) for future in (one, other)] == [Transient, Transient]


async def _frame(stream: asyncio.StreamReader) -> bytes:
    """A request or response of Kafka's protocol, with the size before it."""
    size = await stream.readexactly(4)
    return size + await stream.readexactly(int.from_bytes(size, "big"))


@asynccontextmanager
async def mute_broker(kafka: KafkaAccess) -> AsyncIterator[tuple[KafkaAccess, asyncio.Event]]:
    """A listener that lets clients sign in at the broker and never answers a request for metadata. The event
    is set when a client closes its connection."""
    closed = asyncio.Event()

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        host, _, port = kafka.bootstrap.rpartition(":")
        from_broker, to_broker = await asyncio.open_connection(host, int(port))
        try:
            while True:
                request = await _frame(client)
                if int.from_bytes(request[4:6], "big") != MetadataRequest.API_KEY:
                    to_broker.write(request)
                    answers.write(await _frame(from_broker))
        except asyncio.IncompleteReadError:
            closed.set()
        finally:
            to_broker.close()
            answers.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        yield replace(kafka, bootstrap=f"127.0.0.1:{port}"), closed


async def test_a_writer_that_gives_up_closes_its_connections(stack: Stack) -> None:
    """A broker that stops answering in the middle of the bootstrap leaves no open connection behind."""
    async with mute_broker(stack.kafka) as (kafka, closed):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(Transient):
                await open_producer(kafka, "unused", timeout_seconds=1.0)
            await asyncio.wait_for(closed.wait(), A_WHILE)
            gc.collect()
    assert [str(warning.message) for warning in caught] == []


async def test_a_writer_replaces_a_connection_that_failed(stack: Stack) -> None:
    """What was on its way fails with an unknown outcome; the next append has a new producer."""
    pipeline = await make_pipeline(stack)
    log = await LogWriter.open(stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    try:
        await (await log.connect()).stop()
        assert type(await _failure(log.append([Record(b"demo/1", b"a")]))) is Transient
        assert await log.append([Record(b"demo/1", b"b")]) == Position(partition_of(b"demo/1", 12), 0)
    finally:
        await log.close()


async def test_an_unexpected_failure_reaches_every_waiting_caller(stack: Stack) -> None:
    """No caller waits forever, and the writer continues."""
    pipeline = await make_pipeline(stack)
    log = await LogWriter.open(stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    try:
        wrong: Any = "no bytes"
        futures = [log.append([Record(b"demo/1", value)]) for value in (b"a", wrong, b"b")]
        assert [type(await _failure(future)) for future in futures] == [TypeError] * 3
        assert (await log.append([Record(b"demo/1", b"c")])).offset == 0
    finally:
        await log.close()


async def test_records_of_many_keys_are_written_as_far_as_they_are_waited_for(stack: Stack) -> None:
    """Each partition has a separate outcome; a part that is cancelled before it was sent is not written."""
    pipeline = await make_pipeline(stack)
    log = await LogWriter.open(stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    try:
        entries = [(b"demo/%d" % n, b"%d" % n, [("n", b"%d" % n)]) for n in range(40)]
        parts = log.append_each(entries)
        dropped, future = parts[0]
        future.cancel()
        await asyncio.gather(*(written for _, written in parts[1:]))
        assert sorted(n for indexes, _ in parts for n in indexes) == list(range(40))
    finally:
        await log.close()
    found = [(r.key, r.value, list(r.headers)) for r in await pipeline.logged(Topic.PROFILE_EVENTS)]
    assert sorted(found) == sorted(entry for n, entry in enumerate(entries) if n not in dropped)


async def _failure(future: "asyncio.Future[Position]") -> BaseException | None:
    await asyncio.wait([future], timeout=A_WHILE)
    return future.exception()
