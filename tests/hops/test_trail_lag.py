"""Histories while the auditor is behind: what the trail does not cover is read from the log, within a
limit."""

from datetime import UTC, datetime

import httpx
import pytest

from schemas.topics import Topic
from services.queries.user_history import trail_index
from services.runtime.kafka.record_fetcher import RecordFetcher, Tail
from tests.worlds.management import Site
from tests.worlds.past import audit, created


async def test_a_trail_too_far_behind_is_told(
    site: Site, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is certain is answered: moments before the limit, and the events up to it; the rest is a 503 or
    `complete: false`, never an answer with events missing."""
    path, first = await created(api, "lag@example.com")
    await audit(site)
    second = await api.patch(path, json={"name": "A"})
    await api.patch(path, json={"name": "B"})
    monkeypatch.setattr(trail_index, "TAIL_RECORDS", 0)
    now = {"as_of": datetime.now(UTC).isoformat()}
    assert (await api.get(path, params=now)).status_code == 200
    monkeypatch.setattr(RecordFetcher, "tail", _nothing)
    for what, query in (
        (path, now),
        (path, {"as_of": second.headers["vita-position"]}),
        (f"{path}/provenance", {}),
    ):
        answer = await api.get(what, params=query)
        assert (answer.status_code, answer.json()["errorCode"]) == (503, "trail_lagging")
        assert "retry-after" in answer.headers
    past = await api.get(path, params={"as_of": first.headers["vita-position"]})
    assert past.content == first.content
    events = (await api.get(f"{path}/history")).json()
    assert [one["type"] for one in events["events"]] == ["profile.user.created"]
    assert events["complete"] is False
    await audit(site)
    events = await api.get(f"{path}/history")
    assert len(events.json()["events"]) == 3
    assert (
        events.headers["vita-history-reaches"].split(":")[0] == first.headers["vita-position"].split(":")[0]
    )


async def _nothing(_self: RecordFetcher, _partition: int, offset: int, _key: bytes, _most: int) -> object:
    """A tail of which nothing could be looked at."""
    return Tail([], offset, False)


async def test_records_are_read_at_their_offsets(site: Site, api: httpx.AsyncClient) -> None:
    """One by one, near each other or far apart; offsets that the log does not have are left out; a tail holds
    one key, and stops at its limit."""
    path, first = await created(api, "offsets@example.com")
    for number in range(5):
        await api.patch(path, json={"user_metadata": {"n": number}})
    partition, begin = map(int, first.headers["vita-position"].split(":"))
    async with RecordFetcher.open(
        site.service.settings.kafka, site.prefix + Topic.PROFILE_EVENTS.value
    ) as log:
        whole = await log.records_at(partition, range(begin, begin + 6))
        assert [one.offset for one in whole] == [*range(begin, begin + 6)]
        for offsets in ([begin], [begin + 1, begin + 4], [begin + 5, begin + 10_000]):
            found = await log.records_at(partition, offsets)
            assert found == [one for one in whole if one.offset in offsets]
        assert await log.records_at(partition, []) == []
        key = whole[0].key
        tail = await log.tail(partition, begin + 2, key, 1000)
        assert (tail.records, tail.reaches, tail.is_whole) == (whole[2:], begin + 6, True)
        assert (await log.tail(partition, begin, b"demo/nobody", 1000)).records == []
        beyond = await log.tail(partition, begin + 6, key, 1000)
        assert (beyond.records, beyond.reaches, beyond.is_whole) == ([], begin + 6, True)
        short = await log.tail(partition, begin, key, 1)
        assert short.is_whole is (short.reaches == begin + 6)
        assert short.reaches > begin
