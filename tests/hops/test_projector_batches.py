"""What the projector does with batches: chunks, gaps, configuration, claims in a race, keys that are gone."""

from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.events import (
    ClientConfigured,
    ClientConfiguredData,
    ConnectionConfigured,
    ConnectionConfiguredData,
    EmailChanged,
    EmailChangedData,
    Event,
    LoginFailed,
    LoginFailedData,
    MetadataChanged,
    MetadataChangedData,
)
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import Record, seal_event, seal_value
from schemas.topics import Topic
from services.projector.consumer import CHUNK
from services.runtime.kafka.log_writer import partition_of
from tests.samples.profile_events import address, creation, login
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, unused_subject

PEOPLE = [f"sub_{number:032x}" for number in range(40)]


def signed_in(subject: str, number: int) -> Event:
    return login(subject=subject, sourceposition=f"1/0/{number}", attributes={"name": f"N{number}"})


async def everything(pipeline: Pipeline) -> list[Any]:
    """All rows of people, as bytes."""
    return [
        [tuple(row) for row in await pipeline.rows(f"SELECT * FROM views.{view} ORDER BY tenant, subject")]
        for view in ("profile", "search", "activity")
    ]


async def test_a_batch_of_many_chunks_is_the_same_as_many_batches(pipeline: Pipeline, stack: Stack) -> None:
    """While one chunk is written the next is folded over it: the rows are those of one event at a time."""
    events = [signed_in(PEOPLE[n % len(PEOPLE)], n) for n in range(2 * CHUNK + 50)]
    other = await make_pipeline(stack)
    for installation in (pipeline, other):
        await installation.send_events(*events)
    await pipeline.project()
    async with other.projector() as projector:
        records = await other.logged(Topic.PROFILE_EVENTS)
        for start in range(0, len(records), 150):
            await projector.apply(records[start : start + 150])
    rows = await everything(pipeline)
    assert rows == await everything(other)
    assert sum(exact_json.loads(row[4])["logins_count"] for row in rows[0]) == len(events)


async def test_a_batch_cut_off_in_the_middle_goes_on_from_there(pipeline: Pipeline) -> None:
    """When a later chunk fails, the chunks before it stay, and the whole batch is fenced and read again."""
    events = [signed_in(PEOPLE[n % 4], n) for n in range(2 * CHUNK)]
    await pipeline.send_events(*events)
    async with pipeline.projector() as projector:
        records = await pipeline.logged(Topic.PROFILE_EVENTS)
        await projector.apply(records[:CHUNK])
        stored = await projector.stored_positions(range(12))
        assert sum(stored.values()) == CHUNK
    await pipeline.project()
    counts = [
        exact_json.loads(row["document"])["logins_count"]
        for row in (await pipeline.views("profile")).values()
    ]
    assert counts == [CHUNK // 2] * 4


async def test_offsets_the_log_skips_are_no_loss(pipeline: Pipeline) -> None:
    """Transaction markers leave offsets without records; the batch after them is applied."""
    jane = unused_subject()
    keys = await pipeline.keys("demo", jane)
    first, second = (seal_event(signed_in(jane, n), keys) for n in (1, 2))
    topic, partition = pipeline.prefix + Topic.PROFILE_EVENTS, partition_of(first.key, 12)
    producer = AIOKafkaProducer(**pipeline.stack.kafka.arguments(), transactional_id=pipeline.prefix)
    await producer.start()
    try:
        for record in (first, second):
            async with producer.transaction():
                await producer.send(topic, record.value, record.key, partition)
    finally:
        await producer.stop()
    records = await pipeline.read(Topic.PROFILE_EVENTS, 2)
    assert [record.offset for record in records] == [0, 2]
    async with pipeline.projector() as projector:
        await projector.apply(records[:1])
        await projector.apply(records[1:])
    assert (await pipeline.document(jane))["logins_count"] == 2


async def test_configuration_reaches_its_views(pipeline: Pipeline) -> None:
    """Connections and API clients are applied from the log, in the order of the tenant's events."""
    await pipeline.send_events(
        connection(pipeline, "corp", options={"tries": 1}),
        connection(pipeline, "corp", options={"tries": 2}),
        connection(pipeline, "gone"),
        connection(pipeline, "gone", deleted=True),
        client(pipeline, "app", ("read:users",)),
        client(pipeline, "app", ("read:users", "update:users")),
    )
    await pipeline.project()
    rows = await pipeline.rows("SELECT * FROM views.connection ORDER BY name")
    assert [(row["name"], row["revision"], row["deleted"]) for row in rows] == [
        ("corp", 2, False),
        ("gone", 2, True),
    ]
    assert exact_json.loads(rows[0]["document"])["options"] == {"tries": 2}
    (row,) = await pipeline.rows("SELECT * FROM views.client")
    assert (row["client_id"], row["scopes"], row["name"]) == (
        "app",
        ["read:users", "update:users"],
        "N'x \"y\\",
    )


def connection(pipeline: Pipeline, name: str, deleted: bool = False, **settings: Any) -> Event:
    data = ConnectionConfiguredData(
        connection_id=f"con_{name}", connection=name, strategy="oidc", deleted=deleted, settings=settings
    )
    event: Event = pipeline.event(ConnectionConfigured, tenant_subject("demo"), data)
    return event


def client(pipeline: Pipeline, client_id: str, scopes: tuple[str, ...]) -> Event:
    data = ClientConfiguredData(client_id=client_id, scopes=scopes, name="N'x \"y\\", secret_hash="h")
    event: Event = pipeline.event(ClientConfigured, tenant_subject("demo"), data)
    return event


async def test_a_pending_reservation_is_independent_of_others(pipeline: Pipeline) -> None:
    """Two changes of an address at once: the first one's arrival leaves the claim of the second alone."""
    joe = unused_subject()
    made, first, second = creation(subject=joe), *(address(f"{name}@x.com") for name in "ab")
    first, second = (event.model_copy(update={"subject": joe}) for event in (first, second))
    for event, value in ((made, "joe@example.com"), (first, "a@x.com"), (second, "b@x.com")):
        await pipeline.run(
            "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)"
            " VALUES ('demo', 'users', 'email', $1, $2, $3)",
            value, joe, event.id,
        )  # fmt: skip
    wanted = [
        (made, [("a@x.com", False), ("b@x.com", False), ("joe@example.com", True)]),
        (first, [("a@x.com", True), ("b@x.com", False)]),
        (second, [("b@x.com", True)]),
    ]
    for event, claims in wanted:
        await pipeline.send_events(event)
        await pipeline.project()
        rows = await pipeline.rows("SELECT value, confirmed FROM ledger.reservation ORDER BY value")
        assert [tuple(row) for row in rows] == claims


async def test_the_same_in_one_batch(pipeline: Pipeline) -> None:
    """However the events are batched, in the end the last address alone is claimed."""
    joe = unused_subject()
    changes = [
        pipeline.event(
            EmailChanged, joe, EmailChangedData(connection="users", email=f"{n}@x.com", email_verified=True)
        )
        for n in range(3)
    ]
    events = [creation(subject=joe), *changes]
    for number, event in enumerate(events):
        await pipeline.run(
            "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)"
            " VALUES ('demo', 'users', 'email', $1, $2, $3)",
            f"{number}", joe, event.id,
        )  # fmt: skip
    await pipeline.send_events(*events)
    await pipeline.project()
    rows = await pipeline.rows("SELECT value, confirmed FROM ledger.reservation")
    assert [tuple(row) for row in rows] == [("3", True)]


async def test_an_address_may_be_taken_away(pipeline: Pipeline) -> None:
    """An event that removes the address is an event like any other, and its claim goes."""
    joe = unused_subject()
    removal = address(None).model_copy(update={"subject": joe})
    await pipeline.send_events(creation(subject=joe), removal)
    await pipeline.project()
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []
    assert "email" not in await pipeline.document(joe)


async def test_history_without_keys_is_passed_over(pipeline: Pipeline) -> None:
    """Events of an erased person cannot be read, which is no failure; the others are applied."""
    gone, jane = unused_subject(), unused_subject()
    await pipeline.send_events(login(subject=gone), login(subject=jane))
    await pipeline.run("UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE owner = $1", gone)
    await pipeline.project()
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []
    assert await pipeline.document(gone) is None
    assert (await pipeline.document(jane))["logins_count"] == 1


async def test_nul_characters_do_not_block_others(pipeline: Pipeline) -> None:
    """What PostgreSQL cannot store is quarantined wherever it hides, sealed or open."""
    jane, joe = unused_subject(), unused_subject()
    sealed = pipeline.event(MetadataChanged, jane, MetadataChangedData(user_metadata={"a": "x\x00y"}))
    data = sealed_scopes(await pipeline.keys("demo", tenant_subject("demo")))
    await pipeline.send_events(login(subject=jane), sealed, data, login(subject=joe))
    await pipeline.project()
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert sorted(letter.reason for letter in letters) == ["contract", "nul_character"]
    assert (await pipeline.document(jane))["logins_count"] == 1
    assert (await pipeline.document(joe))["logins_count"] == 1
    assert await pipeline.rows("SELECT FROM views.client") == []


def sealed_scopes(keys: SubjectKeys) -> Record:
    """A client whose scopes hold what no array of the database can."""
    made = ClientConfigured(
        id="0190a1b2-c3d4-7e5f-8a9b-00000000beef",
        source="/vita/test",
        subject="ten_demo",
        time=login().time,
        tenant="demo",
        actor="client:admin",
        data=ClientConfiguredData(client_id="app", scopes=("read:users",), name="x"),
    )
    record = seal_event(made, keys)
    envelope = exact_json.loads(record.value)
    del envelope["data"]["sealed"]
    return Record(record.key, seal_value(envelope, {"profile": {"scopes": ['a"\\b'], "name": "x"}}, keys))


async def test_anonymous_failures_make_no_profile(pipeline: Pipeline) -> None:
    """A failed login of an unknown user is in the log and the trail, and in no view of people."""
    data = LoginFailedData(connection="c", strategy="oidc", reason="other", identifier="ghost")
    await pipeline.send_events(pipeline.event(LoginFailed, f"anon_{7:032x}", data))
    await pipeline.project()
    assert await everything(pipeline) == [[], [], []]
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []


async def test_the_largest_foreign_record_is_kept(pipeline: Pipeline) -> None:
    """A record as large as the topic takes still fits the dead letters, sealed and whole."""
    junk = b"x" * 4_000_000
    async with AIOKafkaProducer(**pipeline.stack.kafka.arguments(), max_request_size=8 << 20) as producer:
        await producer.send_and_wait(pipeline.prefix + Topic.PROFILE_EVENTS, junk, b"k", 3)
    await pipeline.send_events(login(subject=(jane := unused_subject())))
    await pipeline.project()
    (letter,) = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert (letter.value == junk, letter.partition, letter.offset) == (True, 3, 0)
    assert (await pipeline.document(jane))["logins_count"] == 1
