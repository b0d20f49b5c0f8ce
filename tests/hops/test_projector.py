"""profile.events -> views, on the real broker and database."""

import asyncio
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

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
from tests.flow import Flow, applied_or_fenced, both, make_flow, somebody
from tests.patience import soon
from tests.stack import Stack


@pytest_asyncio.fixture
async def flow(stack: Stack) -> Flow:
    """An installation of this test's own."""
    return await make_flow(stack)


def logged_in(flow: Flow, subject: str, **changes: Any) -> LoginSucceeded:
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
    event: LoginSucceeded = flow.event(LoginSucceeded, subject, data, **changes)
    return event


def created(flow: Flow, subject: str, email: str = "joe@example.com") -> UserCreated:
    data = UserCreatedData(
        connection="db",
        strategy="auth0",
        provider="auth0",
        idp_id=subject[-24:],
        attributes={"email": email, "name": email, "nickname": "joe"},
        password_hash="$argon2id$secret",
    )
    event: UserCreated = flow.event(UserCreated, subject, data)
    return event


async def claim(flow: Flow, event: Any, kind: str, value: str) -> None:
    await flow.run(
        "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)"
        " VALUES ('demo', 'db', $1, $2, $3, $4)",
        kind,
        value,
        event.subject,
        event.id,
    )


async def claims(flow: Flow) -> list[tuple[str, bool]]:
    rows = await flow.rows("SELECT value, confirmed FROM ledger.reservation ORDER BY value")
    return [(row["value"], row["confirmed"]) for row in rows]


async def test_a_login_makes_a_profile_and_its_rows(flow: Flow) -> None:
    """Document, search row and activity row come from one event, big integers exact."""
    jane = somebody()
    await flow.send_events(logged_in(flow, jane, sourceposition="1/0/7"))
    await flow.project()
    document = await flow.document(jane)
    assert next(iter(document)) == "user_id"
    assert document["user_id"] == "github|9007199254740993"
    assert document["identities"][0]["user_id"] == 9007199254740993
    assert document["followers"] == 2**70
    assert (document["logins_count"], document["last_ip"]) == (1, "192.0.2.7")
    search = (await flow.views("search"))[jane]
    assert (search["email_folded"], search["email_domain"]) == ("jane@example.com", "example.com")
    assert search["name_folded"] == "jane doe"
    assert (await flow.views("activity"))[jane]["logins_count"] == 1


async def test_duplicates_count_once(flow: Flow) -> None:
    """The same source position, and the same event id from a gateway's retry, change nothing."""
    jane = somebody()
    first = logged_in(flow, jane, sourceposition="1/0/7")
    again = logged_in(flow, jane, sourceposition="1/0/7")
    retried = first.model_copy(update={"sourceposition": "1/0/9"})
    await flow.send_events(first, again, retried)
    await flow.project()
    assert (await flow.document(jane))["logins_count"] == 1
    await flow.send_events(logged_in(flow, jane, sourceposition="1/0/10"))
    await flow.project()
    assert (await flow.document(jane))["logins_count"] == 2


async def test_a_stale_owner_is_fenced_off(flow: Flow) -> None:
    """Of two owners of the same records one applies them, the other is refused, and nothing counts twice."""
    jane = somebody()
    await flow.send_events(*(logged_in(flow, jane) for _ in range(3)))
    records = await flow.logged(Topic.PROFILE_EVENTS)
    async with flow.projector() as one, flow.projector() as other:
        outcomes = await both(applied_or_fenced(one, records), applied_or_fenced(other, records))
        assert sorted(outcomes) == [False, True]
        with pytest.raises(Fenced):
            await one.apply(records)
    assert (await flow.document(jane))["logins_count"] == 3


async def test_a_batch_that_skips_records_is_refused(flow: Flow) -> None:
    """A batch that begins after records not applied yet is fenced off."""
    jane = somebody()
    await flow.send_events(*(logged_in(flow, jane) for _ in range(3)))
    records = await flow.logged(Topic.PROFILE_EVENTS)
    async with flow.projector() as projector:
        with pytest.raises(Fenced):
            await projector.apply(records[1:])
        await projector.apply(records)
    assert (await flow.document(jane))["logins_count"] == 3


async def test_bad_events_are_quarantined_and_stop_nobody(flow: Flow) -> None:
    """Foreign bytes, unknown types and versions, tampered records and missing keys go to the dead letters."""
    jane, joe = somebody(), somebody()
    good = logged_in(flow, jane)
    keys = await flow.keys("demo", jane)
    sealed = seal_event(good, keys)
    envelope = exact_json.loads(sealed.value)
    del envelope["data"]["sealed"]
    moved = seal_event(good.model_copy(update={"subject": joe}), keys)
    await flow.keys("demo", joe)
    stranger = seal_event(logged_in(flow, somebody()), keys)
    bad = [
        Record(b"x", b"\x00\x01 not an event"),
        Record(b"x", b'{"specversion":"1.0"}'),
        Record(sealed.key, seal_value(envelope | {"type": "profile.login.imagined"}, {}, keys)),
        Record(sealed.key, seal_value(envelope | {"dataversion": 9}, {}, keys)),
        Record(record_key("demo", joe), moved.value),
        stranger,
    ]
    await flow.send_events(*bad, good)
    await flow.project()
    assert (await flow.document(jane))["logins_count"] == 1
    assert await flow.document(joe) is None
    letters = await flow.letters(Topic.PROFILE_EVENTS_DLQ)
    assert sorted(letter.reason for letter in letters) == [
        "contract",
        "not_authentic",
        "not_authentic",
        "not_json",
        "unknown_type",
        "unknown_version",
    ]
    assert {letter.value for letter in letters} == {record.value for record in bad}
    known = {letter.reason for letter in letters if letter.tenant == "demo"}
    assert known == {"unknown_type", "unknown_version"}
    assert {letter.tenant for letter in letters if letter.reason not in known} == {None}
    rows = await flow.rows("SELECT reason, tenant FROM ledger.dead_letter")
    assert {row["reason"] for row in rows if row["tenant"] == "demo"} == known


async def test_an_unprocessable_event_is_its_tenants_when_it_is_authentic(flow: Flow) -> None:
    """The dead letter of a record that opened names the tenant, that of a forged one does not; neither makes
    the projector write an event."""
    keys = await flow.keys("demo", jane := somebody())
    authentic = seal_event(logged_in(flow, jane), keys)
    forged = seal_event(logged_in(flow, somebody()), keys)
    await flow.send_events(authentic, forged)
    records = await flow.logged(Topic.PROFILE_EVENTS)
    async with flow.projector() as projector:
        fold, error = projector._fold, InvalidEvent("unprocessable", "RuntimeError")

        async def failing(*arguments: Any) -> Any:
            await fold(*arguments)
            raise RuntimeError

        projector._fold = failing  # type: ignore[method-assign]
        for record in records:
            with pytest.raises(RuntimeError):
                await projector.apply([record])
            await projector.quarantine(record, error)
    letters = await flow.letters(Topic.PROFILE_EVENTS_DLQ)
    unprocessable = {letter.value: letter.tenant for letter in letters if letter.reason == "unprocessable"}
    assert unprocessable == {authentic.value: "demo", forged.value: None}
    sealed = [key_owner_of(record.value) for record in await flow.logged(Topic.PROFILE_EVENTS_DLQ)]
    assert sealed.count(("demo", jane)) == 1
    assert {tenant for tenant, owner in sealed if owner != jane} == {"system"}
    assert len(await flow.logged(Topic.PROFILE_EVENTS)) == 2


async def test_claims_follow_their_events(flow: Flow) -> None:
    """Confirmed with the event, released by the change that replaces them, dropped when refused, gone with
    the person."""
    joe = somebody()
    event = created(flow, joe)
    await claim(flow, event, "email", "joe@example.com")
    await flow.send_events(event)
    await flow.project()
    assert await claims(flow) == [("joe@example.com", True)]
    data = EmailChangedData(connection="db", email="new@example.com", email_verified=False)
    change = flow.event(EmailChanged, joe, data)
    await claim(flow, change, "email", "new@example.com")
    stale = EmailChangedData(
        connection="db", email="no@example.com", email_verified=False, expected_revision=99
    )
    refused = flow.event(EmailChanged, joe, stale)
    await claim(flow, refused, "email", "no@example.com")
    await flow.send_events(change, refused)
    await flow.project()
    assert await claims(flow) == [("new@example.com", True)]
    assert (await flow.document(joe))["email"] == "new@example.com"
    await flow.send_events(flow.event(UserDeleted, joe, UserDeletedData()))
    await flow.project()
    assert await claims(flow) == []


async def test_a_deleted_person_leaves_the_views(flow: Flow) -> None:
    """The tombstone holds no personal data, edits are refused, and a new login starts a fresh profile."""
    jane = somebody()
    await flow.send_events(logged_in(flow, jane), flow.event(UserDeleted, jane, UserDeletedData()))
    edit = flow.event(MetadataChanged, jane, MetadataChangedData(user_metadata={"a": 1}))
    await flow.send_events(edit)
    await flow.project()
    row = (await flow.views("profile"))[jane]
    assert (row["document"], row["user_id"], row["secrets"]) == (None, None, None)
    assert "jane" not in row["memory"].lower()
    assert jane not in await flow.views("search")
    assert jane not in await flow.views("activity")
    await flow.send_events(logged_in(flow, jane))
    await flow.project()
    document = await flow.document(jane)
    assert document["logins_count"] == 1
    assert "user_metadata" not in document


async def test_positions_and_rows_are_one_transaction(flow: Flow) -> None:
    """When a row cannot be written the position stays, and everything is applied once it can."""
    jane = somebody()
    await flow.send_events(logged_in(flow, jane))
    projector = flow.database.role("projector")
    await flow.run(f"REVOKE INSERT ON view_1.activity FROM {projector}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await flow.project()
    assert await flow.document(jane) is None
    assert await flow.rows("SELECT FROM ledger.position WHERE next_offset > 0") == []
    await flow.run(f"GRANT INSERT ON view_1.activity TO {projector}")
    await flow.project()
    assert (await flow.document(jane))["logins_count"] == 1


async def test_whoever_waits_is_told(flow: Flow) -> None:
    """A commit notifies the generation and the positions it reached."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with flow.connected("vita_management") as connection:
        await connection.add_listener(CHANNEL, lambda *args: heard.put_nowait(args[3]))
        await flow.send_events(logged_in(flow, somebody()))
        (record,) = await flow.logged(Topic.PROFILE_EVENTS)
        await flow.project()
        message = await soon(heard.get(), 10)
        assert message == f"1 {record.partition}:1"
