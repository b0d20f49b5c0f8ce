"""How long `vita status` shows ended processes and past errors."""

from datetime import timedelta

import pytest

from services.ledger.progress import heartbeats
from services.ledger.progress.heartbeats import Heartbeat, list_beats
from services.runtime.periodic import Readiness
from services.runtime.postgres.pool import open_pool
from tests.worlds.pipeline import Pipeline

LIVING, KILLED = "host:1", "host:2"


async def seen(pipeline: Pipeline, instance: str, ago: str) -> None:
    await pipeline.run(
        "INSERT INTO ledger.heartbeat"
        " (worker, instance, pid, host, started_at, seen_at, handled, rate, state)"
        " VALUES ('projector', $1, 1, 'host', clock_timestamp() - interval '1 hour',"
        " clock_timestamp() - $2::text::interval, 0, 0, 'up')"
        " ON CONFLICT (worker, instance) DO UPDATE SET seen_at = excluded.seen_at",
        instance,
        ago,
    )


async def listed_instances(pipeline: Pipeline) -> set[str]:
    async with pipeline.connected() as connection:
        return {row["instance"] for row in await list_beats(connection)}


async def test_a_killed_second_instance_is_forgotten(pipeline: Pipeline) -> None:
    """A killed process is shown for five minutes beside a running instance, and until it has a successor
    otherwise."""
    await seen(pipeline, LIVING, "0 seconds")
    await seen(pipeline, KILLED, "4 minutes")
    assert await listed_instances(pipeline) == {LIVING, KILLED}
    await seen(pipeline, LIVING, "0 seconds")
    await seen(pipeline, KILLED, "6 minutes")
    assert await listed_instances(pipeline) == {LIVING}
    await pipeline.run("DELETE FROM ledger.heartbeat WHERE instance = $1", LIVING)
    assert await listed_instances(pipeline) == {KILLED}


async def test_an_error_that_passed_is_forgotten(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last error stays while the process tries again; some time after it recovered it is gone."""
    monkeypatch.setattr(heartbeats, "ERROR_SHOWN", timedelta(0))
    url = pipeline.stack.environment("projector", pipeline.database, pipeline.prefix)["VITA_DATABASE_URL"]
    pool = await open_pool(url)
    async with pool:
        beating = Heartbeat(pool, "projector", Readiness())
        beating.retrying(ConnectionError("the broker is away"))
        await beating.start()
        try:
            shown = "SELECT last_error FROM ledger.heartbeat WHERE worker = 'projector'"
            assert [row["last_error"] for row in await pipeline.rows(shown)] == [
                "ConnectionError: the broker is away"
            ]
            beating.working()

            async def forgotten() -> bool:
                return [row["last_error"] for row in await pipeline.rows(shown)] == [None]

            await pipeline.stack.until(forgotten)
        finally:
            await beating.stop()
