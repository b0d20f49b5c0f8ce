"""Quarantined logins that are replayed or dropped, over the real parts."""

from typing import Any

import pytest

from schemas.errors import Transient
from schemas.topics import Topic
from services.cli.dead_letters.dead_letters import list_dead_letters
from services.ledger.replays import Selection, drop_letters, replay_states, request_replays
from services.runtime.worker.intake import WorkerFailed
from tests.worlds.pipeline import Pipeline, both

CONNECTION = "late-idp"


def unknown(pipeline: Pipeline, **claims: Any) -> dict[str, Any]:
    """A login of one person through a connection that is unknown still."""
    login = pipeline.login()
    login["data"]["connection"] = CONNECTION
    del login["data"]["strategy"]
    login["data"]["claims"] = {"sub": "7", "name": "Ann", **claims}
    return login


async def connected(pipeline: Pipeline) -> None:
    """From now on the connection is known: a login has named its strategy."""
    login = pipeline.login()
    login["data"] |= {"connection": CONNECTION, "strategy": "oidc", "claims": {"sub": "first"}}
    await pipeline.send_raw(login, partition=5)
    records = await pipeline.logged(Topic.LOGINS_RAW)
    async with pipeline.normalizer() as normalizer:
        await normalizer.apply([record for record in records if record.partition == 5])
    await pipeline.project()


async def requested(pipeline: Pipeline, **selection: Any) -> list[str]:
    async with pipeline.connected("vita_operator") as connection:
        return await request_replays(connection, Selection("demo", **selection), "demo/tests")


async def outcomes(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    rows = await pipeline.rows(
        "SELECT concat_ws('/', topic, partition, log_offset) AS place FROM ledger.dead_letter"
    )
    async with pipeline.connected("vita_operator") as connection:
        states = await replay_states(connection, [row["place"] for row in rows])
    return [(state.reason, state.outcome) for state in states]


async def replayed(pipeline: Pipeline) -> None:
    """A normalizer at work until nothing is requested any more."""
    async with pipeline.normalizer():
        await pipeline.stack.until(lambda: nothing_is_requested(pipeline))


async def _true(value: bool) -> bool:
    return value


async def nothing_is_requested(pipeline: Pipeline) -> bool:
    query = "SELECT FROM ledger.dead_letter WHERE requested_at IS NOT NULL AND settled_at IS NULL"
    return not await pipeline.rows(query)


async def ann(pipeline: Pipeline) -> dict[str, Any]:
    await pipeline.project()
    rows = await pipeline.rows("SELECT subject FROM views.profile WHERE user_id LIKE 'oidc|%7'")
    return {} if not rows else await pipeline.document(rows[0]["subject"])


async def test_a_replay_takes_effect_once_and_in_order(pipeline: Pipeline) -> None:
    """After the fix the logins count, the later one decides, and neither a second replay nor the raw records
    read again add anything."""
    names = ("Ann", "Anne", "Anna")
    logins = [unknown(pipeline, name=name) for name in names]
    times = ("2026-11-23T10:00:01Z", "2026-11-23T10:00:03Z", "2026-11-23T10:00:02Z")
    await pipeline.send_raw(*(login | {"time": at} for login, at in zip(logins, times, strict=True)))
    await pipeline.normalize()
    assert await outcomes(pipeline) == [("unknown_connection", None)] * 3
    assert await ann(pipeline) == {}
    await connected(pipeline)
    assert len(await requested(pipeline, reason="unknown_connection")) == 3
    await replayed(pipeline)
    user = await ann(pipeline)
    assert (user["logins_count"], user["name"]) == (3, "Anne")
    assert await outcomes(pipeline) == [("unknown_connection", "replayed")] * 3
    assert await list_dead_letters(pipeline.database.url_for("operator"), None, None, 10) == []
    assert await requested(pipeline) == []
    await pipeline.run("UPDATE ledger.dead_letter SET settled_at = NULL, requested_at = now()")
    await replayed(pipeline)
    await pipeline.normalize()
    assert (await ann(pipeline))["logins_count"] == 3


async def test_a_crash_between_log_and_ledger_repeats_nothing(pipeline: Pipeline) -> None:
    """A replay whose outcome was not stored is carried out again, without another effect."""
    await pipeline.send_raw(unknown(pipeline))
    await pipeline.normalize()
    await connected(pipeline)
    async with pipeline.normalizer() as normalizer:
        append, lost = normalizer._events.append_many, list[Any]()

        async def appended_and_lost(records: Any) -> None:
            await append(records)
            lost.append(records)
            raise Transient("killed")

        normalizer._events.append_many = appended_and_lost  # type: ignore[method-assign]
        await requested(pipeline)
        await pipeline.stack.until(lambda: _true(len(lost) > 1))
    assert [outcome for _, outcome in await outcomes(pipeline)] == [None]
    await both(replayed(pipeline), replayed(pipeline))
    assert [outcome for _, outcome in await outcomes(pipeline)] == ["replayed"]
    assert (await ann(pipeline))["logins_count"] == 1


async def test_what_is_refused_again_stays_quarantined(pipeline: Pipeline) -> None:
    """The present reason is stored, the letter can be replayed again, and others are not held up."""
    await pipeline.send_raw(b"not json", unknown(pipeline, sub=None), unknown(pipeline))
    await pipeline.normalize()
    await connected(pipeline)
    await requested(pipeline)
    await replayed(pipeline)
    assert await outcomes(pipeline) == [
        ("not_json", "refused"), ("unmappable", "refused"), ("unknown_connection", "replayed"),
    ]  # fmt: skip
    assert len(await requested(pipeline, reason="unmappable")) == 1


async def test_a_login_that_fails_for_an_unknown_reason_is_refused(pipeline: Pipeline) -> None:
    """It does not keep the replay of others from going on."""
    await pipeline.send_raw(unknown(pipeline), unknown(pipeline))
    await pipeline.normalize()
    await connected(pipeline)
    async with pipeline.normalizer() as normalizer:
        process, failed = normalizer.replay, list[Any]()

        async def failing_first(record: Any) -> Any:
            if not failed:
                failed.append(record)
                raise RuntimeError
            return await process(record)

        normalizer.replay = failing_first  # type: ignore[method-assign]
        await requested(pipeline)
        await pipeline.stack.until(lambda: nothing_is_requested(pipeline))
    assert await outcomes(pipeline) == [("unprocessable", "refused"), ("unknown_connection", "replayed")]


async def test_dropped_letters_are_not_replayed(pipeline: Pipeline) -> None:
    """They are neither listed nor counted any more; those of other tenants are out of reach."""
    await pipeline.send_raw(unknown(pipeline))
    await pipeline.normalize()
    async with pipeline.connected("vita_operator") as connection:
        assert await drop_letters(connection, Selection("other"), "other/tests") == []
        assert len(await drop_letters(connection, Selection("demo"), "demo/tests")) == 1
    assert await requested(pipeline) == []
    await replayed(pipeline)
    url = pipeline.database.url_for("operator")
    assert await list_dead_letters(url, None, None, 10) == []
    (row,) = await list_dead_letters(url, None, None, 10, settled=True)
    assert (row["state"], row["requested_by"]) == ("dropped", "demo/tests")


async def test_too_many_letters_within_an_hour_stop_the_worker(pipeline: Pipeline) -> None:
    """The worker says which limit was exceeded and moves no further; once letters are settled it goes on."""
    await pipeline.send_raw(*(unknown(pipeline) for _ in range(3)))
    records = await pipeline.logged(Topic.LOGINS_RAW)
    async with pipeline.normalizer() as normalizer:
        normalizer._letters._dead_letters._most_per_hour = 2
        await normalizer.apply(records[:2])
        for _ in range(2):
            with pytest.raises(WorkerFailed, match="VITA_DEAD_LETTERS_PER_HOUR"):
                await normalizer.apply(records[2:])
        assert len(await pipeline.logged(Topic.LOGINS_RAW_DLQ)) == 3
        async with pipeline.connected("vita_operator") as connection:
            await drop_letters(connection, Selection("demo"), "demo/tests")
        await normalizer.apply(records[2:])
