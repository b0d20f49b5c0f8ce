"""A login that can never be processed is reported in the log of its tenant, over the real parts."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from deploy.database import begin_topic_epochs
from schemas.dead_letter_reasons import SENTENCES
from schemas.errors import InvalidEvent, Transient
from schemas.events import LoginQuarantined
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.logins.signature import Headers, signed_headers
from schemas.sealing.mapper import KeyDestroyed, Record, seal_event
from schemas.topics import Topic
from services.cli.addresses import Ledger
from services.cli.dead_letters.dead_letters import list_dead_letters
from services.cli.tenants.gateway_registration import add_gateway
from services.ledger.dead_letters import key_owner_of, open_dead_letter
from services.ledger.keys.subject_keys import read_keys
from services.normalizer.consumer import Normalizer, Settings
from services.runtime.periodic import Readiness
from tests.support.stack import Stack
from tests.worlds.management import running_site
from tests.worlds.pipeline import Pipeline, both, make_pipeline

MINUTE_MS = 60_000
START_MS = 1_795_000_020_000 // MINUTE_MS * MINUTE_MS


@pytest_asyncio.fixture
async def pipeline(pipeline: Pipeline) -> Pipeline:
    """A pipeline of this test's own, with two tenants."""
    await pipeline.add_tenant("other")
    return pipeline


def unknown(pipeline: Pipeline, **changes: Any) -> dict[str, Any]:
    """A login through a connection that is unknown."""
    login = pipeline.login(**changes)
    login["data"] = {**login["data"], "connection": "never-heard-of"}
    del login["data"]["strategy"]
    return login


async def warnings(pipeline: Pipeline, tenant: str = "demo") -> list[dict[str, Any]]:
    """The entries about quarantined logins in the tenant's log, in order."""
    await pipeline.project()
    rows = await pipeline.rows(
        "SELECT * FROM views.log_entry WHERE tenant = $1 AND type = 'w' ORDER BY log_id", tenant
    )
    return [{**row, "details": exact_json.loads(row["details"])} for row in rows]


async def earlier(pipeline: Pipeline, tenant: str = "demo") -> list[int]:
    """The number of unreported logins that each entry represents."""
    return [entry["details"]["earlier"] for entry in await warnings(pipeline, tenant)]


async def letters(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    """Reason and tenant of the dead letters, as `vita dlq list` has them, in their order."""
    rows = await list_dead_letters(pipeline.database.url_for("operator"), None, None, 10_000)
    ordered = sorted(rows, key=lambda row: (row["partition"], row["offset"]))
    return [(row["reason"], row["tenant"]) for row in ordered]


async def quarantine_events(pipeline: Pipeline) -> list[LoginQuarantined]:
    """The events on the log that report quarantined logins."""
    return [event for event in await pipeline.events() if isinstance(event, LoginQuarantined)]


async def gateway(pipeline: Pipeline, tenant: str) -> tuple[str, bytes]:
    """The id and the secret of a new gateway."""
    ledger = Ledger(pipeline.database.url_for("operator"), pipeline.settings("normalizer")["key_provider"])
    made = await add_gateway(ledger, tenant, "eu-1")
    return made["gateway"], base64.b64decode(made["secret"].removeprefix("whsec_"))


def signed(by: tuple[str, bytes], body: bytes, event_id: str) -> Headers:
    return signed_headers(by[1], by[0], event_id, int(datetime.now(UTC).timestamp()), body)


async def test_a_refused_login_is_in_the_log_of_its_tenant(pipeline: Pipeline) -> None:
    """Exactly one entry says why, when, and which login it was, in that tenant's log only; the dead letter
    names the tenant; nothing that the gateway chose is readable on the log."""
    login = unknown(pipeline)
    await pipeline.send_raw(login, timestamp_ms=START_MS, partition=3)
    await pipeline.normalize()
    (entry,) = await warnings(pipeline)
    assert SENTENCES["unknown_connection"] in entry["description"]
    assert entry["date"] == datetime.fromtimestamp(START_MS / 1000, UTC)
    assert entry["connection"] == "never-heard-of"
    assert entry["details"] | {"error": None} == {
        "error": None,
        "reason": "unknown_connection",
        "record": f"{pipeline.prefix}logins.raw/3/0",
        "earlier": 0,
        "gateway": "ingest",
        "login_source": login["source"],
        "login_id": login["id"],
    }
    assert await warnings(pipeline, "other") == []
    assert await letters(pipeline) == [("unknown_connection", "demo")]
    for tenant, listed in (("demo", 1), ("other", 0)):
        assert len(await list_dead_letters(pipeline.database.url_for("operator"), tenant, None, 10)) == listed
    (event,) = await quarantine_events(pipeline)
    assert (event.subject, event.sourceposition) == (tenant_subject("demo"), "0/3/0")
    (record,) = await pipeline.logged(Topic.PROFILE_EVENTS)
    for chosen in (login["id"], login["source"], "never-heard-of"):
        assert chosen.encode() not in record.value


async def test_a_repeated_batch_is_reported_once(pipeline: Pipeline) -> None:
    """A repeated event has an equal id and counts once, in one batch of the projector or in two, and after a
    failure between the ledger and the log."""
    await pipeline.send_raw(unknown(pipeline), unknown(pipeline, tenant="other"), unknown(pipeline))
    records = await pipeline.logged(Topic.LOGINS_RAW)
    async with pipeline.normalizer() as normalizer:
        append = normalizer._events.append_many

        async def failing(_: Sequence[Record]) -> None:
            raise Transient("kafka: gone")

        normalizer._events.append_many = failing  # type: ignore[method-assign,assignment]
        with suppress(Transient):
            await normalizer.apply(records)
        assert await pipeline.events() == []
        normalizer._events.append_many = append  # type: ignore[method-assign]
        await normalizer.apply(records)
        await normalizer.apply(records)
    assert await earlier(pipeline) == [0]
    await pipeline.normalize()
    assert len({event.id for event in await quarantine_events(pipeline)}) == 2
    assert len(await quarantine_events(pipeline)) == 6
    assert await earlier(pipeline) == [0]
    assert await earlier(pipeline, "other") == [0]
    assert len(await letters(pipeline)) == 3


async def test_possibly_forged_logins_are_in_no_tenants_log(pipeline: Pipeline) -> None:
    """No tenant's log reports a login without a valid signature, for another tenant than its gateway's, of an
    unknown tenant, or one that cannot be read and is signed for every tenant."""
    by = await gateway(pipeline, "demo")
    login, foreign = unknown(pipeline), unknown(pipeline, tenant="other")
    body = exact_json.dumps(foreign)
    await pipeline.send_raw(login, headers=())
    await pipeline.send_raw(login, headers=signed((by[0], b"x" * 32), exact_json.dumps(login), login["id"]))
    await pipeline.send_raw(body, headers=signed(by, body, foreign["id"]))
    await pipeline.send_raw(b"not json", headers=signed((by[0], b"x" * 32), b"not json", "1"))
    await pipeline.send_raw(b"not json", unknown(pipeline, tenant="nobody"))
    await pipeline.normalize()
    assert await letters(pipeline) == [
        ("not_authentic", None), ("not_authentic", None), ("not_authentic", None), ("not_json", None),
        ("not_json", None), ("unknown_tenant", None),
    ]  # fmt: skip
    assert await pipeline.events() == []
    await pipeline.send_raw(unknown(pipeline))
    await pipeline.normalize({0: 6})
    (event,) = await quarantine_events(pipeline)
    moved = event.model_copy(update={"tenant": "other", "subject": tenant_subject("other")})
    await pipeline.send_events(seal_event(moved, await pipeline.keys("demo", tenant_subject("demo"))))
    assert (await warnings(pipeline, "other"), len(await warnings(pipeline))) == ([], 1)


async def test_an_unreadable_login_is_its_gateways_tenants(pipeline: Pipeline) -> None:
    """Its signature says whose it is, and the id that was signed which one it was."""
    by = await gateway(pipeline, "demo")
    await pipeline.send_raw(b"{}", headers=signed(by, b"{}", "a\u202eb"))
    await pipeline.normalize()
    assert await letters(pipeline) == [("contract", "demo")]
    (entry,) = await warnings(pipeline)
    assert (entry["details"]["gateway"], entry["details"]["login_id"]) == (by[0], "a\ufffdb")
    assert await warnings(pipeline, "other") == []


async def test_a_flood_is_bounded_and_counted(pipeline: Pipeline) -> None:
    """However many logins are refused, a tenant's log has one entry for each reason and minute, which says
    how many others there were; every dead letter is kept. An older record that comes late makes no entry."""
    records = 0
    for batch in (((0, 40), (1, 1), (3, 7)), ((2, 5), (4, 1))):
        for minute, count in batch:
            at = START_MS + minute * MINUTE_MS
            await pipeline.send_raw(*(unknown(pipeline) for _ in range(count)), timestamp_ms=at)
        await pipeline.send_raw(unknown(pipeline, tenant="other"), timestamp_ms=START_MS)
        await pipeline.send_raw(
            pipeline.login(data={"claims": {"favourite": "colour"}}), timestamp_ms=START_MS
        )
        await pipeline.normalize({0: records})
        records = len(await pipeline.logged(Topic.LOGINS_RAW))
    entries = await warnings(pipeline)
    counts = [
        one["details"]["earlier"] for one in entries if one["details"]["reason"] == "unknown_connection"
    ]
    assert counts == [0, 39, 0, 11]
    assert [one["details"]["earlier"] for one in entries if one["details"]["reason"] == "unmappable"] == [0]
    assert "Others since the last entry for this reason: 39." in entries[1]["description"]
    assert await earlier(pipeline, "other") == [0]
    assert len(await letters(pipeline)) == records == len(await pipeline.letters(Topic.LOGINS_RAW_DLQ))


async def test_a_recreated_topic_has_its_own_dead_letters(pipeline: Pipeline) -> None:
    """A record at the position of an earlier topic's dead letter is recorded and reported as well."""
    for life in range(1, 3):
        await pipeline.send_raw(unknown(pipeline), timestamp_ms=START_MS + life * MINUTE_MS)
        (record,) = await pipeline.logged(Topic.LOGINS_RAW, {0: life - 1})
        stored_at = START_MS + life * MINUTE_MS
        async with pipeline.normalizer() as normalizer:
            await normalizer.apply([replace(record, offset=0, timestamp=stored_at)])
        assert await letters(pipeline) == [("unknown_connection", "demo")]
        assert len(await warnings(pipeline)) == life
        await begin_topic_epochs(pipeline.database.admin, [f"{pipeline.prefix}{Topic.LOGINS_RAW}"])
        assert await letters(pipeline) == []


async def test_two_normalizers_report_once(pipeline: Pipeline) -> None:
    """Of the logins of one minute that two processes quarantine at once, one is reported, and each is counted
    once."""
    for partition in range(2):
        await pipeline.send_raw(
            *(unknown(pipeline) for _ in range(5)), timestamp_ms=START_MS, partition=partition
        )
    await both(pipeline.normalize({0: 0, 1: 5}), pipeline.normalize({0: 5, 1: 0}))
    await pipeline.send_raw(unknown(pipeline), timestamp_ms=START_MS + MINUTE_MS)
    await pipeline.normalize({0: 5, 1: 5})
    assert await earlier(pipeline) == [0, 9]


async def test_a_record_from_the_future_does_not_silence_the_log(pipeline: Pipeline) -> None:
    """A login that is quarantined a minute later is reported again."""
    future = int(datetime(2400, 1, 1, tzinfo=UTC).timestamp() * 1000)
    await pipeline.send_raw(unknown(pipeline), timestamp_ms=future)
    await pipeline.normalize()
    await pipeline.run("UPDATE ledger.quarantine_reported SET minute = minute - 1")
    await pipeline.send_raw(unknown(pipeline))
    await pipeline.normalize({0: 1})
    assert await earlier(pipeline) == [0, 0]


async def test_a_login_that_fails_alone_is_reported(pipeline: Pipeline) -> None:
    """A record that a worker gives up is reported to its tenant if that was certain; otherwise it is
    attributed to no tenant."""
    await pipeline.send_raw(pipeline.login())
    records = await pipeline.logged(Topic.LOGINS_RAW)
    error = InvalidEvent("unprocessable", "RuntimeError")
    for part in ("_connections", "_events_of"):
        async with pipeline.normalizer() as normalizer:
            assert await letters(pipeline) == []

            async def failing(*_: Any) -> Any:
                raise RuntimeError

            setattr(normalizer, part, failing)
            with pytest.raises(RuntimeError):
                await normalizer.apply(records)
            await normalizer.quarantine(records[0], error)
        if part == "_connections":
            assert (await letters(pipeline), await warnings(pipeline)) == ([("unprocessable", None)], [])
            await pipeline.run("DELETE FROM ledger.dead_letter")
    assert await letters(pipeline) == [("unprocessable", "demo")]
    assert [entry["details"]["reason"] for entry in await warnings(pipeline)] == ["unprocessable"]


async def destroy_keys(pipeline: Pipeline, tenant: str, owner: str) -> None:
    """What erasure and expiry do."""
    await pipeline.run(
        "UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE tenant = $1 AND owner = $2",
        tenant, owner,
    )  # fmt: skip


async def owners(pipeline: Pipeline, topic: Topic) -> list[tuple[str, str]]:
    """Whose keys open the dead letters of a topic."""
    return [key_owner_of(record.value) for record in await pipeline.logged(topic)]


async def test_the_login_of_a_known_person_is_unreadable_without_the_persons_key(pipeline: Pipeline) -> None:
    """The dead letter is sealed with the key of the person who logged in; what is quarantined after that key
    was destroyed is kept without its content."""
    await pipeline.send_raw(pipeline.login())
    await pipeline.normalize()
    event = next(one for one in await pipeline.events() if one.type == "profile.login.succeeded")
    await pipeline.send_raw(pipeline.login(id="again"))
    _, again = await pipeline.logged(Topic.LOGINS_RAW)
    async with pipeline.normalizer() as normalizer:
        append = normalizer._events.append_many
        normalizer._events.append_many = failing  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await normalizer.apply([again])
        normalizer._events.append_many = append  # type: ignore[method-assign]
        await normalizer.quarantine(again, InvalidEvent("unprocessable", "RuntimeError"))
    assert await owners(pipeline, Topic.LOGINS_RAW_DLQ) == [("demo", event.subject)]
    (letter,) = await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    assert (letter.tenant, letter.value) == ("demo", again.value)
    await destroy_keys(pipeline, "demo", event.subject)
    with pytest.raises(KeyDestroyed):
        await pipeline.letters(Topic.LOGINS_RAW_DLQ)
    async with pipeline.normalizer() as normalizer:
        await normalizer.apply([again])
    records = await pipeline.logged(Topic.LOGINS_RAW_DLQ)
    assert [exact_json.loads(record.value)["sealed"] is None for record in records] == [False, True]


async def test_other_logins_are_sealed_with_a_key_of_the_day(pipeline: Pipeline) -> None:
    """The tenant's where that is certain, else the installation's: destroying one leaves the other letters
    readable."""
    await pipeline.send_raw(unknown(pipeline), b"not json")
    await pipeline.normalize()
    day = f"letters_{datetime.now(UTC).date().isoformat()}"
    assert sorted(await owners(pipeline, Topic.LOGINS_RAW_DLQ)) == [("demo", day), ("system", day)]
    await destroy_keys(pipeline, "demo", day)
    readable = []
    for record in await pipeline.logged(Topic.LOGINS_RAW_DLQ):
        async with pipeline.connected() as connection:
            keys = await read_keys(connection, pipeline.keyring, [key_owner_of(record.value)])
        with suppress(KeyDestroyed):
            readable.append(open_dead_letter(record.value, keys[key_owner_of(record.value)]).value)
    assert readable == [b"not json"]


async def failing(*_: Any) -> Any:
    raise RuntimeError


async def test_trusted_logins_are_reported(pipeline: Pipeline) -> None:
    """Where logins are trusted without a signature, a login that can be read is of the tenant it names."""
    await pipeline.send_raw(unknown(pipeline), b"not json", headers=())
    normalizer = Normalizer(Settings(**pipeline.settings("normalizer"), raw_logins="trusted"))
    await normalizer.start(Readiness())
    try:
        await normalizer.apply(await pipeline.logged(Topic.LOGINS_RAW))
    finally:
        await normalizer.stop()
    assert await letters(pipeline) == [("unknown_connection", "demo"), ("not_json", None)]
    (entry,) = await warnings(pipeline)
    assert "gateway" not in entry["details"]


async def test_the_api_shows_it_to_the_tenant(stack: Stack) -> None:
    """`GET /api/v2/logs` has the entry, found by its type, by the connection and by its description; another
    tenant's has not."""
    async with running_site(stack) as site:
        await site.add_tenant("other")
        pipeline = await make_pipeline(stack, (site.database, site.prefix))
        await pipeline.send_raw(unknown(pipeline))
        await pipeline.normalize()
        found: list[dict[str, Any]] = []

        async def shown() -> bool:
            answer = await site.client().get("/api/v2/logs", params={"q": "type:w"})
            found[:] = answer.json()
            return bool(found)

        await stack.until(shown)
        (entry,) = found
        assert (entry["type"], entry["details"]["reason"]) == ("w", "unknown_connection")
        assert entry["description"].startswith("A login was refused: The connection does not exist")
        client, other = site.client(), site.client(tenant="other")
        for query in ("connection:never-heard-of", f'description:"{entry["description"]}"'):
            answer = await client.get("/api/v2/logs", params={"q": query})
            assert [one["log_id"] for one in answer.json()] == [entry["log_id"]], answer.text
        assert (await client.get(f"/api/v2/logs/{entry['log_id']}")).json()["type"] == "w"
        assert {one["type"] for one in (await other.get("/api/v2/logs")).json()} <= {"sapi"}
        assert (await other.get(f"/api/v2/logs/{entry['log_id']}")).status_code == 404
