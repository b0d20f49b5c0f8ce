"""profile.events -> views, on the real broker and database."""

import asyncio
from typing import Any

import asyncpg
import pytest

from schemas.errors import InvalidEvent
from schemas.events import (
    EmailChanged,
    EmailChangedData,
    LoginSucceeded,
    LoginSucceededData,
    MetadataChanged,
    MetadataChangedData,
    UserCreated,
    UserCreatedData,
    UserDeleted,
    UserDeletedData,
)
from schemas.formats import exact_json
from schemas.formats.identifiers import record_key
from schemas.sealing.mapper import Record, seal_event, seal_value
from schemas.topics import Topic
from services.ledger.dead_letters import key_owner_of
from services.ledger.progress.position_watch import CHANNEL
from services.runtime.worker.consumer import Fenced
from services.runtime.worker.intake import WorkerFailed
from tests.support.patience import soon
from tests.worlds.pipeline import Pipeline, applied_or_fenced, both, unused_subject


def logged_in(pipeline: Pipeline, subject: str, **changes: Any) -> LoginSucceeded:
    data = LoginSucceededData(
        connection="github",
        strategy="github",
        is_social=True,
        root_policy="on_each_login",
        provider="github",
        idp_id=9007199254740993,
        attributes={"name": "Jane Doe", "email": "jane@example.com", "email_verified": True},
        extras={"company": "Acme", "followers": 2**70},
        ip="192.0.2.7",
    )
    event: LoginSucceeded = pipeline.event(LoginSucceeded, subject, data, **changes)
    return event


def created(pipeline: Pipeline, subject: str, email: str = "joe@example.com") -> UserCreated:
    data = UserCreatedData(
        connection="db",
        strategy="auth0",
        provider="auth0",
        idp_id=subject[-24:],
        attributes={"email": email, "name": email, "nickname": "joe"},
        password_hash="$argon2id$secret",
    )
    event: UserCreated = pipeline.event(UserCreated, subject, data)
    return event


async def claim(pipeline: Pipeline, event: Any, kind: str, value: str) -> None:
    await pipeline.run(
        "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)"
        " VALUES ('demo', 'db', $1, $2, $3, $4)",
        kind,
        value,
        event.subject,
        event.id,
    )


async def claims(pipeline: Pipeline) -> list[tuple[str, bool]]:
    rows = await pipeline.rows("SELECT value, confirmed FROM ledger.reservation ORDER BY value")
    return [(row["value"], row["confirmed"]) for row in rows]


async def test_a_login_makes_a_profile_and_its_rows(pipeline: Pipeline) -> None:
    """Document, search row and activity row come from one event, big integers exact."""
    jane = unused_subject()
    await pipeline.send_events(logged_in(pipeline, jane, sourceposition="1/0/7"))
    await pipeline.project()
    document = await pipeline.document(jane)
    assert next(iter(document)) == "user_id"
    assert document["user_id"] == "github|9007199254740993"
    assert document["identities"][0]["user_id"] == 9007199254740993
    assert document["followers"] == 2**70
    assert (document["logins_count"], document["last_ip"]) == (1, "192.0.2.7")
    search = (await pipeline.views("search"))[jane]
    assert (search["email_folded"], search["email_domain"]) == ("jane@example.com", "example.com")
    assert search["name_folded"] == "jane doe"
    assert (await pipeline.views("activity"))[jane]["logins_count"] == 1


async def test_duplicates_count_once(pipeline: Pipeline) -> None:
    """A repeated source position, and a repeated event id from a gateway's retry, change nothing."""
    jane = unused_subject()
    first = logged_in(pipeline, jane, sourceposition="1/0/7")
    again = logged_in(pipeline, jane, sourceposition="1/0/7")
    retried = first.model_copy(update={"sourceposition": "1/0/9"})
    await pipeline.send_events(first, again, retried)
    await pipeline.project()
    assert (await pipeline.document(jane))["logins_count"] == 1
    await pipeline.send_events(logged_in(pipeline, jane, sourceposition="1/0/10"))
    await pipeline.project()
    assert (await pipeline.document(jane))["logins_count"] == 2


async def test_a_stale_owner_is_fenced_off(pipeline: Pipeline) -> None:
    """Of two owners of one batch, one applies it and the other is fenced; nothing counts twice."""
    jane = unused_subject()
    await pipeline.send_events(*(logged_in(pipeline, jane) for _ in range(3)))
    records = await pipeline.logged(Topic.PROFILE_EVENTS)
    async with pipeline.projector() as one, pipeline.projector() as other:
        outcomes = await both(applied_or_fenced(one, records), applied_or_fenced(other, records))
        assert sorted(outcomes) == [False, True]
        with pytest.raises(Fenced):
            await one.apply(records)
    assert (await pipeline.document(jane))["logins_count"] == 3


async def test_a_batch_that_skips_records_is_refused(pipeline: Pipeline) -> None:
    """A batch that begins after records not applied yet is fenced off."""
    jane = unused_subject()
    await pipeline.send_events(*(logged_in(pipeline, jane) for _ in range(3)))
    records = await pipeline.logged(Topic.PROFILE_EVENTS)
    async with pipeline.projector() as projector:
        with pytest.raises(Fenced):
            await projector.apply(records[1:])
        await projector.apply(records)
    assert (await pipeline.document(jane))["logins_count"] == 3


async def test_bad_events_are_quarantined_without_blocking_others(pipeline: Pipeline) -> None:
    """Foreign bytes, malformed events, tampered records and missing keys go to the dead letters."""
    jane, joe = unused_subject(), unused_subject()
    good = logged_in(pipeline, jane)
    keys = await pipeline.keys("demo", jane)
    sealed = seal_event(good, keys)
    envelope = exact_json.loads(sealed.value)
    del envelope["data"]["sealed"]
    moved = seal_event(good.model_copy(update={"subject": joe}), keys)
    await pipeline.keys("demo", joe)
    stranger = seal_event(logged_in(pipeline, unused_subject()), keys)
    bad = [
        Record(b"x", b"\x00\x01 not an event"),
        Record(b"x", b'{"specversion":"1.0"}'),
        Record(sealed.key, seal_value(envelope | {"dataversion": "1"}, {}, keys)),
        Record(record_key("demo", joe), moved.value),
        stranger,
    ]
    await pipeline.send_events(*bad, good)
    await pipeline.project()
    assert (await pipeline.document(jane))["logins_count"] == 1
    assert await pipeline.document(joe) is None
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    assert sorted(letter.reason for letter in letters) == [
        "contract",
        "contract",
        "not_authentic",
        "not_authentic",
        "not_json",
    ]
    assert {letter.value for letter in letters} == {record.value for record in bad}
    (authentic,) = [letter for letter in letters if letter.tenant == "demo"]
    assert authentic.value == bad[2].value
    assert {letter.tenant for letter in letters if letter is not authentic} == {None}
    rows = await pipeline.rows("SELECT reason, tenant FROM ledger.dead_letter")
    assert [row["reason"] for row in rows if row["tenant"] == "demo"] == ["contract"]


@pytest.mark.parametrize("changed", [{"type": "profile.login.imagined"}, {"dataversion": 9}])
async def test_an_event_of_a_newer_version_stops_the_projector(
    pipeline: Pipeline, changed: dict[str, Any]
) -> None:
    """An authentic event of an unknown type or version is neither quarantined nor skipped."""
    jane = unused_subject()
    good, keys = logged_in(pipeline, jane), await pipeline.keys("demo", jane)
    sealed = seal_event(good, keys)
    envelope = exact_json.loads(sealed.value) | changed
    del envelope["data"]["sealed"]
    newer = Record(sealed.key, seal_value(envelope, {}, keys))
    await pipeline.send_events(good)
    await pipeline.project()
    applied = await pipeline.rows("SELECT * FROM ledger.position ORDER BY partition")
    await pipeline.send_events(newer)
    with pytest.raises(WorkerFailed, match=r"does not know .*: start the version that wrote it"):
        await pipeline.project()
    assert await pipeline.rows("SELECT * FROM ledger.position ORDER BY partition") == applied
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []


async def test_an_unprocessable_event_is_its_tenants_when_it_is_authentic(pipeline: Pipeline) -> None:
    """The dead letter of a record that opened names the tenant, that of a forged one does not; neither makes
    the projector write an event."""
    keys = await pipeline.keys("demo", jane := unused_subject())
    authentic = seal_event(logged_in(pipeline, jane), keys)
    forged = seal_event(logged_in(pipeline, unused_subject()), keys)
    await pipeline.send_events(authentic, forged)
    records = await pipeline.logged(Topic.PROFILE_EVENTS)
    async with pipeline.projector() as projector:
        fold, error = projector._fold, InvalidEvent("unprocessable", "RuntimeError")

        async def failing(*arguments: Any) -> Any:
            await fold(*arguments)
            raise RuntimeError

        projector._fold = failing  # type: ignore[method-assign]
        for record in records:
            with pytest.raises(RuntimeError):
                await projector.apply([record])
            await projector.quarantine(record, error)
    letters = await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)
    unprocessable = {letter.value: letter.tenant for letter in letters if letter.reason == "unprocessable"}
    assert unprocessable == {authentic.value: "demo", forged.value: None}
    sealed = [key_owner_of(record.value) for record in await pipeline.logged(Topic.PROFILE_EVENTS_DLQ)]
    assert sealed.count(("demo", jane)) == 1
    assert {tenant for tenant, owner in sealed if owner != jane} == {"system"}
    assert len(await pipeline.logged(Topic.PROFILE_EVENTS)) == 2


async def test_claims_follow_their_events(pipeline: Pipeline) -> None:
    """Confirmed with the event, released by the change that replaces them, dropped when refused, gone with
    the person."""
    joe = unused_subject()
    event = created(pipeline, joe)
    await claim(pipeline, event, "email", "joe@example.com")
    await pipeline.send_events(event)
    await pipeline.project()
    assert await claims(pipeline) == [("joe@example.com", True)]
    data = EmailChangedData(connection="db", email="new@example.com", email_verified=False)
    change = pipeline.event(EmailChanged, joe, data)
    await claim(pipeline, change, "email", "new@example.com")
    stale = EmailChangedData(
        connection="db", email="no@example.com", email_verified=False, expected_revision=99
    )
    refused = pipeline.event(EmailChanged, joe, stale)
    await claim(pipeline, refused, "email", "no@example.com")
    await pipeline.send_events(change, refused)
    await pipeline.project()
    assert await claims(pipeline) == [("new@example.com", True)]
    assert (await pipeline.document(joe))["email"] == "new@example.com"
    await pipeline.send_events(pipeline.event(UserDeleted, joe, UserDeletedData()))
    await pipeline.project()
    assert await claims(pipeline) == []


async def test_a_deleted_person_leaves_the_views(pipeline: Pipeline) -> None:
    """The tombstone holds no readable personal data, edits are refused, and a new login starts a fresh
    profile."""
    jane = unused_subject()
    await pipeline.send_events(
        logged_in(pipeline, jane), pipeline.event(UserDeleted, jane, UserDeletedData())
    )
    edit = pipeline.event(MetadataChanged, jane, MetadataChangedData(user_metadata={"a": 1}))
    await pipeline.send_events(edit)
    await pipeline.project()
    row = (await pipeline.views("profile"))[jane]
    assert (row["document"], row["user_id"]) == (None, None)
    assert b"jane" not in row["secrets"].lower()
    assert "jane" not in row["memory"].lower()
    assert jane not in await pipeline.views("search")
    assert jane not in await pipeline.views("activity")
    await pipeline.send_events(logged_in(pipeline, jane))
    await pipeline.project()
    document = await pipeline.document(jane)
    assert document["logins_count"] == 1
    assert "user_metadata" not in document


async def test_positions_and_rows_are_one_transaction(pipeline: Pipeline) -> None:
    """When a row cannot be written the position stays, and everything is applied once it can."""
    jane = unused_subject()
    await pipeline.send_events(logged_in(pipeline, jane))
    projector = pipeline.database.role("projector")
    await pipeline.run(f"REVOKE INSERT ON view_1.activity FROM {projector}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pipeline.project()
    assert await pipeline.document(jane) is None
    assert await pipeline.rows("SELECT FROM ledger.position WHERE next_offset > 0") == []
    await pipeline.run(f"GRANT INSERT ON view_1.activity TO {projector}")
    await pipeline.project()
    assert (await pipeline.document(jane))["logins_count"] == 1


async def test_waiting_readers_are_notified(pipeline: Pipeline) -> None:
    """A commit notifies the generation and the positions it reached."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with pipeline.connected("vita_management") as connection:
        await connection.add_listener(CHANNEL, lambda *args: heard.put_nowait(args[3]))
        await pipeline.send_events(logged_in(pipeline, unused_subject()))
        (record,) = await pipeline.logged(Topic.PROFILE_EVENTS)
        await pipeline.project()
        message = await soon(heard.get(), 10)
        assert message == f"1 {record.partition}:1"
