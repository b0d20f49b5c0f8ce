"""What any producer may write to a topic, as the running workers take it on the real broker."""

import asyncio
import signal
from collections import Counter

import pytest

from schemas.errors import Transient
from schemas.events import ClientConfigured, ClientConfiguredData, LoginSucceeded, RoleDefined, SettingData
from schemas.formats import exact_json
from schemas.formats.identifiers import record_key, tenant_subject
from schemas.sealing.mapper import Record, seal_event
from schemas.topics import Topic, catalogue
from services.auditor.verify import verify
from services.ledger.progress.ready import obstacle
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import partition_of
from tests.samples.profile_events import login
from tests.support.odd_records import CODECS, ODD_HEADERS, Sender
from tests.worlds.pipeline import Pipeline, unused_subject
from tests.worlds.workers import Workers

HUGE = 12_000_000
BOMB = 1 << 30
ODD_KEYS = (b"k" * 1_000_000, b"", None)
ROLE = SettingData(setting_id="hostile", name="r")
CLIENT = ClientConfiguredData(client_id="hostile", name="c")


class Values:
    """Good values of a topic, each different."""

    def __init__(self, pipeline: Pipeline, worker: str, subject: str) -> None:
        self._flow, self._worker, self._subject = pipeline, worker, subject
        self.made = 0

    async def good(self) -> bytes:
        """A login that counts."""
        self.made += 1
        if self._worker == "normalizer":
            return exact_json.dumps(self._flow.login())
        event = login(minute=self.made, subject=self._subject, id=f"0190a1b2-c3d4-7e5f-8a9b-{self.made:012x}")
        keys = await self._flow.keys("demo", self._subject)
        return seal_event(event, keys).value


async def verified(pipeline: Pipeline) -> None:
    """The verifier reads the log as the auditor does: it finds no difference."""
    topic = pipeline.prefix + Topic.PROFILE_EVENTS
    report = await verify(pipeline.stack.kafka, pipeline.database.url_for("vita_operator"), topic, {})
    assert [part.difference for part in report.partitions] == [None] * len(report.partitions)
    assert (report.stray, report.lag) == (None, 0)


def sender_of(pipeline: Pipeline, topic: Topic, subject: str) -> Sender:
    """Writes to a topic where the events of the subject belong."""
    key = record_key("demo", subject)
    partition = partition_of(key, catalogue()[topic].partitions)
    return Sender(pipeline.stack.kafka, pipeline.prefix + topic, partition, key)


async def send_everything_odd(values: Values, sender: Sender) -> tuple[int, int]:
    """Every odd record; how many of them have a good value and how many a bad one."""
    good = [await values.good() for _ in range(len(CODECS) + len(ODD_HEADERS) + len(ODD_KEYS) + 5)]
    left = iter(good)
    for codec in CODECS:
        await sender.send(next(left), codec)
    for header in ODD_HEADERS:
        await sender.send(next(left), headers=[header])
    await sender.send_with_a_name_that_is_not_utf_8(next(left), next(left))
    for key in ODD_KEYS:
        await sender.send(next(left), key=key)
    await sender.transact(next(left), next(left), commit=True)
    bad = ((None, None), (b"", None), (b"\xff" * 900_000, None), (b"x" * HUGE, "zstd"))
    for value, codec in bad:
        await sender.send(value, codec)
    await sender.transact(await values.good(), await values.good(), commit=False)
    await sender.send(next(left))
    return len(good), len(bad)


@pytest.mark.parametrize("worker", ["normalizer", "projector", "auditor"])
async def test_every_record_is_accounted_for(pipeline: Pipeline, worker: str) -> None:
    """With any codec, headers, key and value: valid records count once, invalid ones become dead letters
    (such as an event under another key than its subject's), aborted ones do not count, and the worker
    continues. The auditor has a leaf of each. Logins are trusted here, because a signature would be one more
    header."""
    people, workers = [unused_subject() for _ in range(2)], Workers(pipeline)
    topic = Topic.LOGINS_RAW if worker == "normalizer" else Topic.PROFILE_EVENTS
    await workers.start(worker, VITA_RAW_LOGINS="trusted")
    try:
        sent = await asyncio.gather(
            *(
                send_everything_odd(Values(pipeline, worker, one), sender_of(pipeline, topic, one))
                for one in people
            )
        )
        good, bad = (sum(counts) for counts in zip(*sent, strict=True))

        async def done() -> bool:
            return await workers.handled(worker) >= good + bad

        await pipeline.stack.until(done)
        assert await workers.handled(worker) == good + bad
    finally:
        code = await workers.end(worker, signal.SIGTERM) if worker in workers.running else None
    assert code == 0
    match worker:
        case "normalizer":
            assert len([one for one in await pipeline.events() if isinstance(one, LoginSucceeded)]) == good
        case "projector":
            counts = [(await pipeline.document(one))["logins_count"] for one in people]
            assert sum(counts) == good - len(ODD_KEYS) * 2
        case "auditor":
            assert await workers.leaves() == good + bad
            await verified(pipeline)
    if worker != "auditor":
        letters = await pipeline.letters(Topic(f"{topic}.dlq"))
        expected = Counter({None: 2, b"": 2, b"\xff": 2, b"x": 2})
        if worker == "projector":
            expected[b"{"] = len(ODD_KEYS) * 2
        assert Counter(letter.value and letter.value[:1] for letter in letters) == expected
        assert [letter.whole for letter in letters if letter.value and letter.value[:1] == b"x"] == [
            False
        ] * 2


@pytest.mark.parametrize("worker", ["normalizer", "projector", "auditor"])
async def test_a_batch_that_inflates_to_gigabytes_is_one_bad_record(pipeline: Pipeline, worker: str) -> None:
    """A small batch that decompresses to gigabytes does not exhaust the worker's memory: it becomes a dead
    letter or a leaf of the trail, and the records around it count."""
    topic = Topic.LOGINS_RAW if worker == "normalizer" else Topic.PROFILE_EVENTS
    jane = unused_subject()
    values, workers = Values(pipeline, worker, jane), Workers(pipeline)
    sender = sender_of(pipeline, topic, jane)
    await sender.send(await values.good())
    await sender.send_bomb(BOMB)
    await sender.send(await values.good())
    await workers.start(worker, VITA_RAW_LOGINS="trusted")
    try:

        async def done() -> bool:
            return await workers.handled(worker) >= 3

        await pipeline.stack.until(done)
        most = workers.most_memory(worker)
        assert await workers.end(worker, signal.SIGTERM) == 0
    finally:
        for name in list(workers.running):
            await workers.end(name, signal.SIGKILL)
    assert most < BOMB // 2
    if worker == "auditor":
        assert await workers.leaves() == 3
        await verified(pipeline)
        return
    (letter,) = await pipeline.letters(Topic(f"{topic}.dlq"))
    assert (letter.offset, letter.reason) == (1, "too_large")
    assert "inflates to more than" in letter.detail


async def test_readers_of_the_log_take_any_header(pipeline: Pipeline) -> None:
    """`vita audit verify` and all other readers of a topic accept these records."""
    sender = Sender(pipeline.stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS, 0, b"k")
    await sender.send_with_a_name_that_is_not_utf_8(b"one", b"two")
    await sender.send(b"three", headers=list(ODD_HEADERS))
    async with open_log(sender.kafka, sender.topic) as log:
        await log.go_to(0)
        assert [record.value for record in await log.read(3)] == [b"one", b"two", b"three"]


async def test_the_dead_letter_of_an_odd_record_holds_every_byte(pipeline: Pipeline) -> None:
    """Null header values and names that are not UTF-8 come back from a dead letter as they were."""
    sender = Sender(pipeline.stack.kafka, pipeline.prefix + Topic.LOGINS_RAW, 0, b"k")
    await sender.send_with_a_name_that_is_not_utf_8(b"junk")
    await sender.send(b"more", headers=[("null", None)])
    await pipeline.normalize()
    letters = await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    named, null = sorted(letters, key=lambda letter: letter.offset)
    assert [(name.encode("utf-8", "surrogateescape"), value) for name, value in named.headers] == [
        (b"\xff\xfename", b"x")
    ]
    assert null.headers == (("null", None),)


@pytest.mark.parametrize("topic", [Topic.LOGINS_RAW, Topic.PROFILE_EVENTS])
async def test_a_record_of_headers_only_fits_into_its_dead_letter(pipeline: Pipeline, topic: Topic) -> None:
    """As many headers as the broker takes: of what would be too large as a dead letter the beginning is kept,
    without headers."""
    count = catalogue()[topic].max_message_bytes // 2 - 100
    await Sender(pipeline.stack.kafka, pipeline.prefix + topic, 3, b"k").send_headers(count)
    await (pipeline.normalize() if topic is Topic.LOGINS_RAW else pipeline.project())
    (letter,) = await pipeline.letters(Topic(f"{topic}.dlq"))
    assert (letter.partition, letter.whole, letter.headers) == (3, False, ())


async def test_no_event_stops_the_projector(pipeline: Pipeline) -> None:
    """Events that name what cannot be stored, or a time beyond the calendar, are dead letters; everything
    around them is applied by the very same process."""
    jane, workers = unused_subject(), Workers(pipeline)
    tenant_keys = await pipeline.keys("demo", tenant_subject("demo"))
    role = pipeline.event(RoleDefined, tenant_subject("demo"), ROLE)
    client = pipeline.event(ClientConfigured, tenant_subject("demo"), CLIENT)
    late = seal_event(login(subject=jane), await pipeline.keys("demo", jane))
    hostile = [
        *(with_nul(seal_event(event, tenant_keys)) for event in (role, client)),
        Record(late.key, late.value.replace(b"2026-11-23T10:00:00.000Z", b"9999-12-31T23:59:59-14:00")),
        Record(late.key, late.value.replace(b"2026-11-23T10:00:00.000Z", b"0001-01-01T00:00:00+14:00")),
    ]
    good = [login(minute=n, subject=jane, id=f"0190a1b2-c3d4-7e5f-8a9b-{n:012x}") for n in range(1, 6)]
    await pipeline.send_events(good[0], *hostile, *good[1:])
    await workers.start("projector")
    try:

        async def done() -> bool:
            return await workers.handled("projector") >= len(good) + len(hostile)

        await pipeline.stack.until(done)
        assert await workers.end("projector", signal.SIGTERM) == 0
    finally:
        if workers.running:
            await workers.end("projector", signal.SIGKILL)
    assert (await pipeline.document(jane))["logins_count"] == len(good)
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert {letter.value for letter in letters} == {record.value for record in hostile}


async def test_a_stuck_worker_says_so_where_status_looks(pipeline: Pipeline) -> None:
    """A projector that waits for a lock longer than its watchdog allows ends with code 1; the ledger keeps
    the reason until another one starts."""
    workers = Workers(pipeline)
    await pipeline.send_events(login(subject=unused_subject()))
    await workers.start("projector", VITA_WATCHDOG_SECONDS="1")
    await pipeline.stack.until(lambda: workers.handled("projector"))
    probe = (
        pipeline.stack.environment("projector", pipeline.database, pipeline.prefix)["VITA_DATABASE_URL"],
        "projector",
    )
    assert await obstacle(*probe) is None
    async with pipeline.connected() as connection, connection.transaction():
        await connection.execute("LOCK TABLE ledger.position IN ACCESS EXCLUSIVE MODE")
        await pipeline.send_events(login(subject=unused_subject()))
        assert await asyncio.wait_for(workers.running.pop("projector").wait(), 60) == 1
    (row,) = await pipeline.rows("SELECT state, reason FROM ledger.heartbeat WHERE worker = 'projector'")
    assert row["state"] == "stuck"
    assert row["reason"].startswith("no progress for 1 s while records wait: ")
    assert await obstacle(*probe) == f"it is stuck: {row['reason']}"


async def test_a_container_is_ready_while_its_process_lives(pipeline: Pipeline) -> None:
    """The probe fails without a process, with a silent process and without a database. A process that was
    stopped normally leaves no heartbeat."""
    url = pipeline.stack.environment("auditor", pipeline.database, pipeline.prefix)["VITA_DATABASE_URL"]
    started = Workers(pipeline)

    async def ready() -> bool:
        return await obstacle(url, "auditor") is None

    assert await obstacle(url, "auditor") == "it has not started"
    await pipeline.send_events(login(subject=unused_subject()))
    await started.start("auditor")
    await pipeline.stack.until(lambda: started.handled("auditor"))
    assert await obstacle(url, "auditor") is None
    assert await started.end("auditor", signal.SIGTERM) == 0
    assert await obstacle(url, "auditor") == "it has not started"
    await started.start("auditor")
    await pipeline.stack.until(ready)
    await started.end("auditor", signal.SIGKILL)
    await pipeline.run("UPDATE ledger.heartbeat SET seen_at = seen_at - interval '6 seconds'")
    assert await obstacle(url, "auditor") == "it has given no sign of life for more than 5 seconds"
    with pytest.raises(Transient, match="database"):
        await obstacle("postgresql://vita@127.0.0.1:1/vita", "auditor")


async def test_dead_letters_are_noted_with_their_tenant(pipeline: Pipeline) -> None:
    """The ledger knows where each quarantined record stood, why, and whose it is where that is certain; a
    repetition notes nothing twice."""
    unknown = pipeline.login(data={"connection": "nowhere", "strategy": ...})
    await pipeline.send_raw(b"junk", unknown, pipeline.login(tenant="stranger"))
    await pipeline.normalize()
    await pipeline.normalize()
    rows = await pipeline.rows(
        "SELECT log_offset, reason, tenant FROM ledger.dead_letter ORDER BY log_offset"
    )
    assert [tuple(row) for row in rows] == [
        (0, "not_json", None), (1, "unknown_connection", "demo"), (2, "unknown_tenant", None),
    ]  # fmt: skip


def with_nul(record: Record) -> Record:
    """The event, about an object whose id contains U+0000."""
    return Record(record.key, record.value.replace(b"hostile", b"a\\u0000b"))
