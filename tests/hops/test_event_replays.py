"""Quarantined events of the log that are replayed in their place, over the real parts."""

from typing import Any

from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    UserCreated,
    UserCreatedData,
)
from schemas.topics import Topic
from services.ledger.replays import Selection, request_replays
from tests.samples.profile_events import login
from tests.worlds.pipeline import Pipeline, unused_subject


async def hidden_keys(pipeline: Pipeline, subject: str, hidden: bool) -> None:
    """The ledger has lost a person's keys, or has them again, as after an incomplete restore of a backup."""
    names = (f"{subject}-lost", subject) if not hidden else (subject, f"{subject}-lost")
    await pipeline.run("UPDATE ledger.subject_key SET owner = $2 WHERE owner = $1", *names)


def edit(pipeline: Pipeline, subject: str, **values: Any) -> Any:
    data = AttributesChangedData(changed=tuple(values), values=values)
    return pipeline.event(AttributesChanged, subject, data)


def seen(subject: str, offset: int) -> Any:
    return login(
        subject=subject, sourceposition=f"1/0/{offset}", connection="db", strategy="auth0", provider="auth0",
        idp_id="1", attributes={}, root_policy="never_on_login",
    )  # fmt: skip


async def quarantined_person(pipeline: Pipeline) -> str:
    """Somebody of whom an edit and a login were quarantined, and another edit was applied afterwards."""
    subject = unused_subject()
    created = UserCreatedData(
        connection="db", strategy="auth0", provider="auth0", idp_id="1", attributes={"name": "Ann"}
    )
    await pipeline.send_events(pipeline.event(UserCreated, subject, created))
    await pipeline.project()
    await hidden_keys(pipeline, subject, True)
    await pipeline.send_events(edit(pipeline, subject, name="Eve", nickname="e"), seen(subject, 1))
    await pipeline.project()
    await hidden_keys(pipeline, subject, False)
    await pipeline.send_events(edit(pipeline, subject, nickname="last"))
    await pipeline.project()
    return subject


async def states(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    rows = await pipeline.rows("SELECT reason, outcome FROM ledger.dead_letter ORDER BY log_offset")
    return [(row["reason"], row["outcome"]) for row in rows]


async def replay(pipeline: Pipeline) -> None:
    """A projector at work until nothing is requested any more, neither replays nor repairs."""
    async with pipeline.connected("vita_operator") as connection:
        await request_replays(connection, Selection("demo"), "demo/tests")

    async def done() -> bool:
        letters = "SELECT FROM ledger.dead_letter WHERE requested_at IS NOT NULL AND settled_at IS NULL"
        repairs = "SELECT FROM ledger.repair WHERE settled_at IS NULL"
        return not await pipeline.rows(letters) and not await pipeline.rows(repairs)

    async with pipeline.projector():
        await pipeline.stack.until(done)


async def logins_of_days(pipeline: Pipeline) -> int:
    return int((await pipeline.rows("SELECT coalesce(sum(logins), 0)::int AS n FROM view_1.daily"))[0]["n"])


async def test_events_take_effect_once_in_their_place(pipeline: Pipeline) -> None:
    """The later edit stays the last one, the login counts once for the person and the day, and a second
    replay changes nothing."""
    subject = await quarantined_person(pipeline)
    assert await states(pipeline) == [("not_authentic", None)] * 2
    before = await pipeline.document(subject)
    assert (before["name"], before["nickname"], before.get("logins_count")) == ("Ann", "last", None)
    for _ in range(2):
        await replay(pipeline)
        user = await pipeline.document(subject)
        assert (user["name"], user["nickname"], user["logins_count"]) == ("Eve", "last", 1)
        assert await logins_of_days(pipeline) == 1
        assert await states(pipeline) == [("not_authentic", "replayed")] * 2
        await pipeline.run("UPDATE ledger.dead_letter SET requested_at = NULL")
    async with pipeline.projector() as projector:
        assert await projector._repairs.differences(projector._live, ("demo", subject)) == []
    await pipeline.send_events(seen(subject, 1), seen(subject, 2))
    await pipeline.project()
    assert (await pipeline.document(subject))["logins_count"] == 2


async def test_what_is_refused_still_stays_quarantined(pipeline: Pipeline) -> None:
    """Without the keys nothing changes, and the present reason is stored; so it is for what is no event."""
    subject = await quarantined_person(pipeline)
    await hidden_keys(pipeline, subject, True)
    await replay(pipeline)
    assert await states(pipeline) == [("not_authentic", "refused")] * 2
    assert (await pipeline.document(subject))["name"] == "Ann"
    (record,) = [one for one in await pipeline.logged(Topic.PROFILE_EVENTS) if one.offset == 0]
    assert record.key is not None
