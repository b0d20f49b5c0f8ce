"""Times at the edges of the calendar, through all services: what is accepted is read back everywhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest_asyncio

from schemas.formats import instants
from schemas.topics import Topic
from services.auditor.verify import verify
from tests.support.stack import Stack
from tests.worlds.audit_trail import auditing, read_log
from tests.worlds.management import Site, running_site
from tests.worlds.pipeline import Pipeline

BROKER: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
READ_AS_SENT: Final = {
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00.000Z",
    "1970-01-01T14:00:00+14:00": "1970-01-01T00:00:00.000Z",
    "2016-12-31t23:59:60z": "2017-01-01T00:00:00.000Z",
    "2017-01-01T05:29:60.5+05:30": "2017-01-01T00:00:00.000Z",
    "2026-11-23t09:00:00z": "2026-11-23T09:00:00.000Z",
    "2026-11-23T10:04:59.999Z": "2026-11-23T10:04:59.999Z",
}
"""Times within the window a gateway may report, as they are shown."""
BROKERS: Final = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59.999Z",
    "2026-11-23T10:05:01Z",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
)
"""Times outside it: the broker's counts instead."""
EXPIRES: Final = {
    "0001-01-01T00:00:00Z": None,
    "9999-12-31T23:59:59-14:00": None,
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999Z",
    "9999-12-31T13:59:59.999-10:00": "9999-12-31T23:59:59.999Z",
}
"""Ends of sessions and tokens, as they are shown; Go's zero time is no time."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    async with running_site(stack, log_margin_seconds=0.0) as running:
        yield running


async def brought_in(site: Site, *logins: dict[str, Any]) -> None:
    """Normalizes these logins, stored by the broker at one time, and waits until the views show them."""
    pipeline = Pipeline(site.stack, site.database, site.prefix, site.storage.keyring)
    await pipeline.send_raw(*logins, timestamp_ms=instants.milliseconds(BROKER))
    await pipeline.normalize()
    assert await pipeline.letters(Topic.LOGINS_RAW_DLQ) == []
    for partition, offset in (await ends(site)).items():
        await site.until_applied(f"{partition}:{offset}")


async def ends(site: Site) -> dict[int, int]:
    """The last offset of each partition of the log that holds something."""
    records = await read_log(site.stack.kafka, f"{site.prefix}{Topic.PROFILE_EVENTS.value}")
    return {record.partition: record.offset for record in records}


async def walked(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    """All log entries, by checkpoint paging from the first one on."""
    found: list[dict[str, Any]] = []
    url = "/api/v2/logs?take=5"
    while True:
        answer = await api.get(url)
        assert answer.status_code == 200, answer.text
        if not answer.json():
            return found
        found += answer.json()
        url = answer.links["next"]["url"]


async def same_dates(api: httpx.AsyncClient, times: list[str]) -> bool:
    """Whether checkpoint paging, which shows entries only when their order is final, has returned all of
    these logins."""
    entries = [entry["date"] for entry in await walked(api) if entry["type"] == "s"]
    assert set(entries) <= set(times)
    return sorted(entries) == sorted(times)


async def test_every_accepted_time_is_read_back_everywhere(site: Site) -> None:
    """Users, log walks, date queries, sessions and tokens answer with the time that counts, and the trail
    verifies."""
    pipeline, api = (
        Pipeline(site.stack, site.database, site.prefix, site.storage.keyring),
        site.client(),
    )
    times = {**READ_AS_SENT, **dict.fromkeys(BROKERS, instants.render(BROKER))}
    logins = [
        pipeline.login(
            time=text,
            data={
                "claims": {"sub": f"p{number}", "name": "Jane", "updated_at": text},
                "session_id": f"s{number}",
                "session": {"expires_at": ending, "methods": [{"name": "pwd", "timestamp": text}]},
                "refresh_token": {"id": f"t{number}", "expires_at": ending, "idle_expires_at": ending},
            },
        )
        for number, (text, ending) in enumerate(zip(times, [*EXPIRES] * 3, strict=False))
    ]
    await brought_in(site, *logins)
    for number, (shown, ending) in enumerate(zip(times.values(), [*EXPIRES.values()] * 3, strict=False)):
        user_id = f"google-oauth2|p{number}"
        user = (await api.get(f"/api/v2/users/{user_id}")).json()
        assert (user["created_at"], user["last_login"]) == (shown, shown)
        sessions = (await api.get(f"/api/v2/users/{user_id}/sessions")).json()["sessions"]
        tokens = (await api.get(f"/api/v2/users/{user_id}/refresh-tokens")).json()["tokens"]
        if ending is not None:
            shown_ends = [] if ending.startswith("1970") else [ending]
            assert [one.get("expires_at") for one in sessions] == shown_ends
            assert [one.get("expires_at") for one in tokens] == shown_ends
    await site.stack.until(lambda: same_dates(api, [*times.values()]))
    for query in (
        "date:[* TO 9999-12-31T23:59:59Z]",
        "date:[0001-01-01T00:00:00Z TO *]",
        "date:[0001-01-01T00:00:00+00:01 TO 2017]",
        'date:"2016-12-31t23:59:60z"',
        "date:{9999 TO *}",
    ):
        answer = await api.get("/api/v2/logs", params={"q": query})
        assert answer.status_code == (400 if "+00:01" in query else 200), (query, answer.text)
    answer = await api.get(
        "/api/v2/users", params={"q": "created_at:[0001 TO 1970-01-01]", "search_engine": "v3"}
    )
    assert sorted(user["user_id"] for user in answer.json()) == ["google-oauth2|p0", "google-oauth2|p1"]
    await verified(site)


async def verified(site: Site) -> None:
    """The auditor takes the whole log in, and the verifier finds no difference."""
    topic = f"{site.prefix}{Topic.PROFILE_EVENTS.value}"
    pipeline = Pipeline(site.stack, site.database, site.prefix, site.storage.keyring)
    async with auditing(site.stack, site.database, site.prefix) as auditor:
        await auditor.apply(await pipeline.logged(Topic.PROFILE_EVENTS))
    report = await verify(site.stack.kafka, site.database.url_for("vita_operator"), topic, {})
    assert [part.difference for part in report.partitions] == [None] * len(report.partitions)
    assert (report.stray, report.lag) == (None, 0)
