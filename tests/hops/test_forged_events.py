"""Write access to profile.events is not enough to say anything: a record that its owner's key did not seal is
refused, on the real broker and database."""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from schemas.events import (
    EVENT_TYPES,
    ClientConfigured,
    ClientConfiguredData,
    LoginSucceeded,
    LoginSucceededData,
    UserBlocked,
    UserFlagData,
    event_adapter,
)
from schemas.examples import all_names, load_example
from schemas.formats import exact_json
from schemas.formats.identifiers import record_key, tenant_subject
from schemas.sealing.mapper import Record, seal_event
from schemas.topics import Topic, catalogue
from schemas.upcasters import current_version
from services.runtime.kafka.log_writer import partition_of
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, producing, unused_subject

ODD = (
    "a\0b",
    "",
    "\u202e",
    "x" * 70_000,
    None,
    True,
    -1,
    10**30,
    1.5,
    [],
    {"a": "\0"},
    "9999-12-31T23:59:59-14:00",
)
"""Replacements for every readable value of an event."""
PARTITIONS = catalogue()[Topic.PROFILE_EVENTS].partitions
OTHER_ID = "019a9d30-0c1f-7a2b-8c3d-4e5f60718299"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def spare(stack: Stack) -> Pipeline:
    """An installation that some of these tests share."""
    return await make_pipeline(stack)


def names_of_events() -> list[str]:
    """The examples of all events, in the newest version."""
    examples = {name: load_example(name) for name in all_names()}
    return [
        name
        for name, example in examples.items()
        if example["type"] in EVENT_TYPES and example["dataversion"] == current_version(example["type"])
    ]


def signed_in(pipeline: Pipeline, subject: str) -> LoginSucceeded:
    data = LoginSucceededData(
        connection="github",
        strategy="github",
        is_social=True,
        root_policy="on_each_login",
        provider="github",
        idp_id=subject,
        attributes={"name": "Jane Doe"},
        ip="192.0.2.7",
    )
    event: LoginSucceeded = pipeline.event(LoginSucceeded, subject, data)
    return event


def unsealed_client(pipeline: Pipeline) -> list[Record]:
    """Events that create a client with all scopes without a key: without sealed parts, with empty ones, with
    all data readable."""
    data = ClientConfiguredData(client_id="intruder", scopes=("read:users",), name="x", secret_hash="known")
    subject = tenant_subject("demo")
    event = pipeline.event(ClientConfigured, subject, data)
    envelope = event.model_dump(mode="json", exclude_none=True) | {
        "specversion": "1.0",
        "datacontenttype": "application/json",
    }
    return [
        Record(record_key("demo", subject), exact_json.dumps(envelope | {"data": envelope["data"] | extra}))
        for extra in ({}, {"sealed": {}}, {"sealed": {"profile": ""}}, {"sealed": {"profile": "AQAB" * 20}})
    ]


def altered(record: Record, donor: Record) -> Iterator[Record]:
    """Variants of an authentic record: another id, time, type, actor or key, other open data, and parts
    removed or taken from another event of the person."""
    envelope = exact_json.loads(record.value)

    def forged(**changes: Any) -> Record:
        return Record(record.key, exact_json.dumps(envelope | changes))

    data, other = envelope["data"], exact_json.loads(donor.value)["data"]
    yield forged(id=OTHER_ID)
    yield forged(time="2026-11-23T11:00:00.000Z")
    yield forged(type="profile.user.deleted")
    yield forged(actor="client:admin", id=OTHER_ID)
    yield forged(sourceposition="1/0/7", id=OTHER_ID)
    yield forged(data=data | {"connection": "corp"})
    yield forged(id=OTHER_ID, data=data | {"sealed": {"profile": data["sealed"]["profile"]}})
    yield forged(data=data | {"sealed": data["sealed"] | {"activity": other["sealed"]["activity"]}})
    yield forged(data=data | {"sealed": other["sealed"]})
    yield Record(donor.key + b"x", record.value)
    yield Record(b"demo", record.value)


async def test_a_client_cannot_be_forged(pipeline: Pipeline) -> None:
    """A record without the seal of its tenant makes no client; it is a dead letter, logged as an error, and
    counted where `vita status` shows it."""
    forged = unsealed_client(pipeline)
    await pipeline.send_events(*forged)
    records = await pipeline.logged(Topic.PROFILE_EVENTS)
    async with pipeline.projector() as projector:
        with capture_logs() as logs:
            await projector.apply(records)
        await pipeline.stack.until(lambda: shown(pipeline, "NotAuthentic: 4 records since the start"))
    assert await pipeline.rows("SELECT FROM views.client") == []
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert [letter.reason for letter in letters] == ["not_authentic"] * 4
    alarms = [line for line in logs if line["event"] == "not_authentic"]
    assert [line["log_level"] for line in alarms] == ["error"] * 4
    assert [line["offset"] for line in alarms] == [record.offset for record in records]


def places(value: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Every member of the readable part, as the names that lead to it; those of lists stay as they are."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "sealed":
                yield (*path, name)
                yield from places(inner, *path, name)


def with_odd(envelope: dict[str, Any], path: tuple[str, ...], odd: Any) -> dict[str, Any]:
    """The envelope with another value in this place."""
    name, *rest = path
    return envelope | {name: with_odd(envelope[name], tuple(rest), odd) if rest else odd}


@pytest.mark.parametrize("name", names_of_events())
async def test_no_readable_value_stops_the_projector(spare: Pipeline, name: str) -> None:
    """For every event of the catalogue and any value in any readable place, with the record's key adapted,
    the record is refused and the following records are applied."""
    pipeline = spare
    event = event_adapter.validate_python(load_example(name))
    record = seal_event(event, await pipeline.keys(event.tenant, event.subject))
    envelope = exact_json.loads(record.value)
    forged = [
        with_odd(envelope, path, odd)
        for path in places(envelope)
        for odd in ODD
        if not_same(envelope, path, odd)
    ]
    records = [
        Record(record_key(str(one.get("tenant")), str(one.get("subject"))), exact_json.dumps(one))
        for one in forged
    ]
    jane, refused = unused_subject(), await letters_noted(pipeline)
    await pipeline.send_events(*records, signed_in(pipeline, jane))
    await pipeline.project()
    assert (await pipeline.document(jane))["logins_count"] == 1
    assert await letters_noted(pipeline) - refused == len(records)


async def letters_noted(pipeline: Pipeline) -> int:
    return int((await pipeline.rows("SELECT count(*) AS n FROM ledger.dead_letter"))[0]["n"])


def not_same(envelope: Any, path: tuple[str, ...], odd: Any) -> bool:
    """Whether this value differs from the present one."""
    for name in path:
        envelope = envelope[name]
    return not exact_json.same(envelope, odd)


async def shown(pipeline: Pipeline, error: str) -> bool:
    """Whether the projector's heartbeat says so."""
    rows = await pipeline.rows("SELECT last_error FROM ledger.heartbeat WHERE worker = 'projector'")
    return any((row["last_error"] or "").startswith(error) for row in rows)


async def test_a_persons_events_cannot_be_forged(pipeline: Pipeline) -> None:
    """Records that were altered without the person's key have no effect; the records around them do."""
    jane = unused_subject()
    keys = await pipeline.keys("demo", jane)
    first, second = (seal_event(signed_in(pipeline, jane), keys) for _ in range(2))
    forged = list(altered(first, second))
    blocked = seal_event(
        pipeline.event(UserBlocked, jane, UserFlagData()), await pipeline.keys("demo", unused_subject())
    )
    await pipeline.send_events(first, *forged, blocked, second)
    await pipeline.project()
    document = await pipeline.document(jane)
    assert (document["logins_count"], document.get("blocked")) == (2, None)
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert {letter.reason for letter in letters} == {"not_authentic"}
    assert {letter.value for letter in letters} >= {record.value for record in forged}
    assert len(letters) == len(forged) + 1


async def test_a_copy_in_another_partition_comes_before_nothing(pipeline: Pipeline) -> None:
    """Partitions are read in any order, in a rebuild above all: a copy of an authentic record in a partition
    that is not its subject's is refused, so that it takes no effect before what it followed."""
    jane = unused_subject()
    keys = await pipeline.keys("demo", jane)
    login = seal_event(signed_in(pipeline, jane), keys)
    blocked = seal_event(pipeline.event(UserBlocked, jane, UserFlagData()), keys)
    elsewhere = (partition_of(login.key, PARTITIONS) + 1) % PARTITIONS
    async with producing(pipeline.stack.kafka) as producer:
        for record in (blocked, login):
            topic = pipeline.prefix + Topic.PROFILE_EVENTS.value
            await producer.send_and_wait(topic, record.value, record.key, elsewhere)
    await pipeline.project()
    assert await pipeline.document(jane) is None
    await pipeline.send_events(login, blocked)
    await pipeline.project()
    document = await pipeline.document(jane)
    assert (document["logins_count"], document["blocked"]) == (1, True)
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert [(letter.reason, letter.partition) for letter in letters] == [("not_authentic", elsewhere)] * 2
