"""logins.raw -> profile.events, on the real broker and database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projections.normalization import ConnectionSettings
from schemas.events import ConnectionConfigured, LoginFailed, LoginQuarantined, LoginSucceeded
from schemas.formats import exact_json
from schemas.formats.identifiers import PERSON, record_key, tenant_subject
from schemas.logins.raw_login import MAX_BYTES
from schemas.sealing.mapper import KeyDestroyed
from schemas.topics import Topic
from services.normalizer import consumer
from services.normalizer.decide import connection_registered
from services.runtime.kafka.log_writer import partition_of
from tests.samples.raw_logins import make_data, make_event
from tests.worlds.pipeline import NOW, Pipeline, both, by_subject


def of_type(events: list[Any], model: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, model)]


async def reasons(pipeline: Pipeline) -> list[str]:
    """Of all dead letters; a letter says its reason also to those who cannot open it."""
    letters = await pipeline.logged(Topic.LOGINS_RAW_DLQ)
    return sorted(exact_json.loads(letter.value)["reason"] for letter in letters)


def failure(**data: Any) -> dict[str, Any]:
    return make_data(**{"outcome": "failure", "reason": "wrong_password", **data})


async def test_a_login_becomes_an_event_of_an_opaque_person(pipeline: Pipeline) -> None:
    """The event is keyed by tenant and subject, says which raw login it came from, and shows nothing
    personal."""
    await pipeline.send_raw(pipeline.login(data={"ip": "192.0.2.7"}), partition=5)
    await pipeline.normalize()
    logged = await pipeline.logged(Topic.PROFILE_EVENTS)
    record = next(r for r in logged if b"login.succeeded" in r.value)
    (event,) = of_type(await pipeline.events(), LoginSucceeded)
    assert event.subject.startswith(PERSON)
    assert event.sourceposition == "0/5/0"
    assert (event.data.provider, event.data.idp_id) == ("google-oauth2", "104834838475647382910")
    assert event.data.attributes["email"] == "jane@example.com"
    assert record.key == record_key("demo", event.subject)
    assert record.partition == partition_of(record.key, 12)
    assert dict(record.headers)["content-type"].startswith(b"application/cloudevents+json")
    for secret in (b"jane", b"104834838475647382910", b"192.0.2.7"):
        assert not any(secret in found.value for found in logged)


async def test_a_known_strategy_registers_its_connection_once(pipeline: Pipeline) -> None:
    """The first login through an unknown connection configures it, however many logins a batch has."""
    await pipeline.send_raw(
        pipeline.login(), pipeline.login(), pipeline.login(data={"connection": "corp", "strategy": "samlp"})
    )
    await pipeline.normalize()
    configured = of_type(await pipeline.events(), ConnectionConfigured)
    assert sorted(event.data.connection for event in configured) == ["corp", "google-oauth2"]
    assert {(event.actor, event.subject) for event in configured} == {("system:normalizer", "ten_demo")}
    await pipeline.project()
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize({0: 3})
    assert len(of_type(await pipeline.events(), ConnectionConfigured)) == 2


async def test_a_registration_seen_twice_is_one_event(pipeline: Pipeline) -> None:
    """Before the view knows the connection, a second batch emits the very same event."""
    await pipeline.send_raw(pipeline.login(), pipeline.login())
    await pipeline.normalize()
    await pipeline.normalize({0: 1})
    configured = of_type(await pipeline.events(), ConnectionConfigured)
    assert len(configured) == 2
    assert len({event.id for event in configured}) == 1
    await pipeline.project()
    assert [row["revision"] for row in await pipeline.rows("SELECT * FROM views.connection")] == [1]


async def test_one_person_however_often_and_wherever(pipeline: Pipeline) -> None:
    """Logins of one identity in one batch, in the next, and concurrently through two normalizers have one
    subject."""
    await pipeline.send_raw(pipeline.login(), pipeline.login())
    await pipeline.normalize()
    same = [pipeline.login() for _ in range(2)]
    other = {"claims": {"sub": "second", "email": "other@example.com"}}
    await pipeline.send_raw(*same, *(pipeline.login(data=other) for _ in range(4)))
    records = await pipeline.logged(Topic.LOGINS_RAW, {0: 2})
    async with pipeline.normalizer() as one, pipeline.normalizer() as two:
        await both(one.apply(records[::2]), two.apply(records[1::2]))
    people = by_subject(of_type(await pipeline.events(), LoginSucceeded))
    assert sorted(len(events) for events in people.values()) == [4, 4]


async def test_a_gateways_retry_is_the_same_event(pipeline: Pipeline) -> None:
    """Equal source and id at another position of the topic give an equal event id, and the login counts
    once."""
    login = pipeline.login()
    await pipeline.send_raw(login)
    await pipeline.send_raw(login, partition=7)
    await pipeline.send_raw(login | {"source": "//gateway.example/us-1"})
    await pipeline.normalize()
    events = of_type(await pipeline.events(), LoginSucceeded)
    assert len(events) == 3
    assert len({event.id for event in events}) == 2
    await pipeline.project()
    assert (await pipeline.document(events[0].subject))["logins_count"] == 2


async def test_emitting_again_after_a_crash_changes_nothing(pipeline: Pipeline) -> None:
    """Normalizing the whole topic twice, as after a crash before the acknowledgement, gives equal views."""
    await pipeline.send_raw(*(pipeline.login(data={"claims": {"sub": str(n % 3)}}) for n in range(9)))
    await pipeline.normalize()
    await pipeline.project()
    before = [dict(row) for row in await pipeline.rows("SELECT * FROM views.profile ORDER BY subject")]
    await pipeline.normalize()
    await pipeline.project()
    assert [
        dict(row) for row in await pipeline.rows("SELECT * FROM views.profile ORDER BY subject")
    ] == before
    assert [exact_json.loads(row["document"])["logins_count"] for row in before] == [3, 3, 3]


async def test_integers_stay_exact(pipeline: Pipeline) -> None:
    """Ids and claims beyond 2^53 and beyond 2^64 come out as they went in."""
    claims = {"id": 2**70, "login": "octocat", "number": 2**53 + 1, "balance": -(10**30)}
    await pipeline.send_raw(
        pipeline.login(data={"connection": "github", "strategy": "github", "claims": claims})
    )
    await pipeline.normalize()
    await pipeline.project()
    (event,) = of_type(await pipeline.events(), LoginSucceeded)
    document = await pipeline.document(event.subject)
    assert document["user_id"] == f"github|{2**70}"
    assert document["identities"][0]["user_id"] == 2**70
    assert (document["number"], document["balance"]) == (2**53 + 1, -(10**30))


async def test_a_bad_record_does_not_block_others(pipeline: Pipeline) -> None:
    """Whatever cannot be read is kept sealed with its reason and place, and the others go their way."""
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    nested: Any = "x"
    for _ in range(100):
        nested = [nested]
    bad: list[bytes | dict[str, Any]] = [
        b"\xff\xfe", b"", b"[]", b"null", b"{}", b'{"id": NaN}', deep, b'{"specversion":"1.0"',
        make_event(type="vita.login.v2"), make_event(tenant="Not A Tenant"),
        make_event(data=make_data(outcome="perhaps")), make_event(data=make_data(claims={"n": nested})),
        make_event(data=make_data(claims={"sub": "a\x00b"})), make_event(tenant="nobody-here"),
        make_event(data=make_data(claims={"sub": "1", "big": "x" * MAX_BYTES})),
        make_event(data=make_data(claims={"favourite": "colour"})),
        make_event(data=make_data(strategy=..., connection="never-heard-of")),
        rb'{"specversion":"1.0","id":"\ud800","source":"s","type":"vita.login.v1","tenant":"demo"}',
    ]  # fmt: skip
    await pipeline.send_raw(pipeline.login(), *bad, pipeline.login())
    await pipeline.normalize()
    assert len(of_type(await pipeline.events(), LoginSucceeded)) == 2
    letters = await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    assert sorted(letter.offset for letter in letters) == list(range(1, 1 + len(bad)))
    found = {letter.offset: letter.reason for letter in letters}
    assert [found[n] for n in range(1, 9)] == [
        "not_json", "not_json", "contract", "contract", "contract", "not_json", "not_json", "not_json"
    ]  # fmt: skip
    assert [found[n] for n in range(9, 18)] == [
        "contract", "contract", "contract", "contract", "nul_character", "unknown_tenant", "too_large",
        "unmappable", "unknown_connection",
    ]  # fmt: skip
    assert found[18] == "not_json"


async def test_a_login_that_makes_too_large_an_event_does_not_block_others(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the log would not take is a dead letter: tried again, it would hold up all logins for ever."""
    monkeypatch.setattr(consumer, "LARGEST_EVENT_BYTES", 50_000)
    large = pipeline.login(data={"claims": {"sub": "2", "note": "x" * 50_000}})
    await pipeline.send_raw(pipeline.login(), large, pipeline.login())
    await pipeline.normalize()
    (letter,) = await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    assert (letter.reason, letter.offset) == ("too_large", 1)
    assert len([one for one in await pipeline.events() if isinstance(one, LoginSucceeded)]) == 2


async def test_a_dead_letter_is_the_record_sealed(pipeline: Pipeline) -> None:
    """The letter opens to the record's bytes, key, headers, time and place; nothing of it is readable
    outside."""
    raw = b'{"tenant":"demo","data":{"claims":{"email":"jane@example.com"}}}'
    await pipeline.send_raw(raw, partition=3, timestamp_ms=1_795_000_000_000)
    await pipeline.normalize()
    (letter,) = await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    assert (letter.value, letter.key, letter.headers[0]) == (raw, b"key", ("gateway", b"eu-1"))
    assert (letter.topic, letter.partition, letter.offset) == (f"{pipeline.prefix}logins.raw", 3, 0)
    assert letter.timestamp == 1_795_000_000_000
    (record,) = await pipeline.logged(Topic.LOGINS_RAW_DLQ)
    assert b"jane" not in record.value
    assert "jane" not in letter.detail


async def test_a_strict_tenant_registers_nothing(pipeline: Pipeline) -> None:
    """Logins through unknown connections are refused; through a configured one they are accepted."""
    await pipeline.add_tenant("strict", strict=True)
    known = connection_registered("strict", ConnectionSettings("google-oauth2", "google-oauth2", {}), NOW)
    await pipeline.send_events(known)
    await pipeline.project()
    await pipeline.send_raw(
        pipeline.login(tenant="strict"),
        pipeline.login(tenant="strict", data={"connection": "other"}),
        pipeline.login(),
    )
    await pipeline.normalize()
    assert await reasons(pipeline) == ["unknown_connection"]
    logins = of_type(await pipeline.events(), LoginSucceeded)
    assert sorted((event.tenant, event.data.connection) for event in logins) == [
        ("demo", "google-oauth2"),
        ("strict", "google-oauth2"),
    ]


async def test_a_deleted_connection_takes_no_logins(pipeline: Pipeline) -> None:
    """After its deletion a connection's logins are dead letters, and do not register it again."""
    event = connection_registered("demo", ConnectionSettings("google-oauth2", "google-oauth2", {}), NOW)
    gone = event.model_copy(
        update={
            "id": "0190a1b2-c3d4-7e5f-8a9b-000000000001",
            "actor": "client:admin",
            "data": event.data.model_copy(update={"deleted": True}),
        }
    )
    await pipeline.send_events(event, gone)
    await pipeline.project()
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize()
    assert await reasons(pipeline) == ["connection_deleted"]
    assert [type(event) for event in await pipeline.events()] == [ConnectionConfigured] * 2 + [
        LoginQuarantined
    ]


def connection(name: str, space: str | None = None) -> ConnectionConfigured:
    event = connection_registered("demo", ConnectionSettings(name, "google-oauth2", {}), NOW)
    options = {} if space is None else {"identity_space": space}
    return event.model_copy(update={"data": event.data.model_copy(update={"settings": {"options": options}})})


async def test_another_connection_takes_over_no_user(pipeline: Pipeline) -> None:
    """A login through another connection of the strategy, in the same or a later batch, becomes a dead letter
    and a failed login without a user; the profile is unchanged, and failed logins do not count against the
    user."""
    await pipeline.send_events(connection("second"))
    await pipeline.project()
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize()
    new = {"claims": {"sub": "new", "email": "new@example.com"}}
    await pipeline.send_raw(
        pipeline.login(data={"connection": "second"}),
        pipeline.login(data=failure(connection="second")),
        pipeline.login(data=new),
        pipeline.login(data={**new, "connection": "second"}),
    )
    await pipeline.normalize({0: 1})
    assert await reasons(pipeline) == ["identity_of_another_connection"] * 2
    events = await pipeline.events()
    people = by_subject(of_type(events, LoginSucceeded))
    assert sorted(len(found) for found in people.values()) == [1, 1]
    failures = of_type(events, LoginFailed)
    assert not {event.subject for event in failures} & set(people)
    assert sorted((event.data.reason, event.data.detail) for event in failures[:3]) == [
        ("other", "identity_of_another_connection"), ("other", "identity_of_another_connection"),
        ("wrong_password", None),
    ]  # fmt: skip
    await pipeline.project()
    assert [(await pipeline.document(person))["logins_count"] for person in people] == [1, 1]
    found = await pipeline.rows("SELECT type, description FROM views.log_entry WHERE connection = 'second'")
    assert ("f", "identity_of_another_connection") in [tuple(row) for row in found]
    assert {row["type"] for row in found} == {"f", "fp"}
    assert await pipeline.rows("SELECT FROM view_1.login_guard WHERE subject = ANY ($1)", list(people)) == []


async def test_connections_of_one_identity_space_share_people(pipeline: Pipeline) -> None:
    """If both connections name one identity space, an identity belongs to one user in either."""
    await pipeline.send_events(
        connection("one", "family"), connection("two", "family"), connection("three", "x")
    )
    await pipeline.project()
    await pipeline.send_raw(*(pipeline.login(data={"connection": name}) for name in ("one", "two", "three")))
    await pipeline.normalize()
    people = by_subject(of_type(await pipeline.events(), LoginSucceeded))
    assert [len(events) for events in people.values()] == [2]
    assert await reasons(pipeline) == ["identity_of_another_connection"]


async def test_a_failed_login_of_a_known_user(pipeline: Pipeline) -> None:
    """Named by claims or by what was typed, case aside, a failure belongs to the person's own history."""
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize()
    await pipeline.project()
    await pipeline.send_raw(
        pipeline.login(data=failure()),
        pipeline.login(data=failure(claims={}, identifier="JANE@example.com")),
        pipeline.login(data=failure(claims={}, identifier="jane@example.com", connection="other")),
    )
    await pipeline.normalize({0: 1})
    events = await pipeline.events()
    (person,) = {event.subject for event in of_type(events, LoginSucceeded)}
    failures = of_type(events, LoginFailed)
    assert sorted(event.subject == person for event in failures) == [False, True, True]
    await pipeline.project()
    assert (await pipeline.document(person))["logins_count"] == 1


async def test_a_failed_login_of_an_unknown_user(pipeline: Pipeline) -> None:
    """It has an anonymous subject, which is equal for equal identifiers of one connection and tenant."""
    await pipeline.add_tenant("other")
    typed = {"claims": {}, "identifier": "ghost@example.com", "ip": "192.0.2.9"}
    await pipeline.send_raw(
        pipeline.login(data=failure(**typed)),
        pipeline.login(data=failure(**typed | {"identifier": "GHOST@example.com", "reason": "Locked out!"})),
        pipeline.login(data=failure(**typed | {"connection": "corp"})),
        pipeline.login(data=failure(**typed), tenant="other"),
    )
    await pipeline.normalize()
    first, again, elsewhere, other = sorted(
        of_type(await pipeline.events(), LoginFailed),
        key=lambda event: int(event.sourceposition.split("/")[2]),
    )
    assert first.subject.startswith("anon_")
    assert again.subject == first.subject
    assert len({first.subject, elsewhere.subject, other.subject}) == 3
    assert (first.data.reason, first.data.detail) == ("wrong_password", None)
    assert (again.data.reason, again.data.detail) == ("other", "Locked out!")
    assert not any(b"ghost" in r.value.lower() for r in await pipeline.logged(Topic.PROFILE_EVENTS))
    owners = await pipeline.rows("SELECT owner FROM ledger.subject_key WHERE tenant = 'demo'")
    assert [row["owner"] for row in owners] == [tenant_subject("demo")]
    await pipeline.project()
    assert await pipeline.rows("SELECT * FROM views.profile") == []


async def test_clocks(pipeline: Pipeline) -> None:
    """A gateway's time is used unless it is in the future; then, and without one, the broker's time is
    used."""
    stored = datetime.now(UTC).replace(microsecond=0)
    at = int(stored.timestamp() * 1000)
    past, near, far = (stored + timedelta(minutes=minutes) for minutes in (-500, 4, 6))
    for time in (past.isoformat(), near.isoformat(), far.isoformat(), ...):
        await pipeline.send_raw(pipeline.login(time=time), timestamp_ms=at)
    await pipeline.normalize()
    times = {event.sourceposition: event.time for event in of_type(await pipeline.events(), LoginSucceeded)}
    assert [times[f"0/0/{n}"] for n in range(4)] == [past, near, stored, stored]


async def test_a_timestamp_before_all_time_does_not_block_others(pipeline: Pipeline) -> None:
    """A record's own timestamp is whatever its producer wrote; even an absurd one is only a time."""
    await pipeline.send_raw(pipeline.login(time=...), timestamp_ms=0)
    await pipeline.normalize()
    (event,) = of_type(await pipeline.events(), LoginSucceeded)
    assert event.time == datetime(1970, 1, 1, tzinfo=UTC)


async def test_destroyed_keys_take_no_new_data(pipeline: Pipeline) -> None:
    """A login of a subject whose keys are destroyed becomes a dead letter without content; the others are
    processed."""
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize()
    await pipeline.run("UPDATE ledger.subject_key SET profile = NULL WHERE owner LIKE 'sub_%'")
    await pipeline.send_raw(pipeline.login(), pipeline.login(data={"claims": {"sub": "2"}}))
    await pipeline.normalize({0: 1})
    assert await reasons(pipeline) == ["no_key"]
    with pytest.raises(KeyDestroyed):
        await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    types = [exact_json.loads(one.value)["type"] for one in await pipeline.logged(Topic.PROFILE_EVENTS)]
    assert types.count("profile.login.succeeded") == 2
    assert types.count("profile.login.quarantined") == 1
