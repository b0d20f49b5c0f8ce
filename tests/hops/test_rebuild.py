"""Rebuilds on the real broker and database: what a new generation holds, and how it becomes live."""

import asyncio
import signal
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.rebuild import rebuild_if_needed
from projections.registry import VIEWS
from schemas.events import (
    LoginFailed,
    LoginFailedData,
    OrganizationData,
    OrganizationJoined,
    RoleDefined,
    SettingData,
)
from schemas.formats.identifiers import tenant_subject
from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from schemas.topics import Topic
from services.ledger.progress.position_watch import PositionWatch
from services.rebuild import plan
from services.rebuild.comparison import RowDifference
from services.rebuild.rebuild import Options, RebuildRefused, Step, drop_others, rebuild, roll_back
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.periodic import Readiness
from tests.laws.any_event import any_events
from tests.laws.events import placed, steps
from tests.samples.profile_events import login
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, applied_or_fenced, make_pipeline, unused_subject

TABLES = [table for view in VIEWS for table in view.tables]
ACCESS = {"session", "refresh_token", "user_grant", "device_credential"}
"""Tables that random histories fill and empty again."""


async def contents(pipeline: Pipeline, number: int) -> dict[str, list[Any]]:
    """Every row of a generation, as text."""
    return {
        table: [
            row[0] for row in await pipeline.rows(f"SELECT t::text FROM view_{number}.{table} t ORDER BY 1")
        ]
        for table in TABLES
    }


async def generations(pipeline: Pipeline) -> list[tuple[int, str]]:
    """Number and state of all generations."""
    rows = await pipeline.rows("SELECT number, state FROM ledger.generation ORDER BY number")
    return [(row["number"], row["state"]) for row in rows]


async def indexes(pipeline: Pipeline, number: int) -> set[str]:
    """The definitions of the indexes of a generation, without its name."""
    rows = await pipeline.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = $1", f"view_{number}")
    return {row["indexdef"].replace(f"view_{number}", "view") for row in rows}


def ignore(_: Step) -> None:
    """A report that nobody reads."""


async def some_people(pipeline: Pipeline, count: int) -> list[str]:
    """Users who signed in once, in the views."""
    subjects = [unused_subject() for _ in range(count)]
    await pipeline.send_events(*(login(subject=one, idp_id=f"{one}-id") for one in subjects))
    await pipeline.project()
    return subjects


@pytest.mark.parametrize("buckets", [1, 3])
async def test_a_rebuilt_generation_equals_the_live_one(
    stack: Stack, buckets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row and every index of every table, for histories of every type of event, in memory at once or in
    parts."""
    if buckets > 1:
        monkeypatch.setattr(plan, "buckets_for", lambda people, partitions: buckets)

    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        st.lists(steps(4), min_size=60, max_size=150).map(placed),
        st.lists(any_events(), min_size=5, max_size=20),
    )
    def law(history: list[Any], others: list[Any]) -> None:
        found.append([*history, *others])

    found: list[list[Any]] = []
    await asyncio.to_thread(law)
    pipeline = await make_pipeline(stack)
    number, filled = 1, set[str]()
    found[-1].extend(configuration(pipeline))
    for events in found:
        await pipeline.send_events(*events)
        await pipeline.project()
        rebuilt = await rebuild(pipeline.rebuild_access, Options(processes=1), ignore)
        assert rebuilt.differences == ()
        assert rebuilt.generation == number + 1
        assert await contents(pipeline, number + 1) == await contents(pipeline, number)
        assert await indexes(pipeline, number + 1) == await indexes(pipeline, number)
        number += 1
        filled |= {table for table, rows in (await contents(pipeline, number)).items() if rows}
    assert set(TABLES) - filled <= ACCESS
    assert filled & ACCESS


def configuration(pipeline: Pipeline) -> list[Any]:
    """Events for the tables that random histories seldom reach."""
    tenant = tenant_subject("demo")
    wrong = {"connection": "users", "strategy": "auth0", "reason": "wrong_password"}
    member = unused_subject()
    return [
        pipeline.event(
            RoleDefined, tenant, SettingData(setting_id="rol_1", name="Reader", settings={"a": 1})
        ),
        login(subject=member, idp_id=member),
        pipeline.event(OrganizationJoined, member, OrganizationData(organization="org_1")),
        pipeline.event(
            LoginFailed,
            f"anon_{1:032x}",
            LoginFailedData(**wrong, identifier="a@example.com", ip="192.0.2.1"),
            sourceposition="1/11/0",
        ),
    ]


async def test_a_killed_rebuild_goes_on_where_it_ended(stack: Stack) -> None:
    """A replaying process is killed, then the command itself; the third run has all rows once."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 300)
    slow, access = Options(processes=1, rate=150.0), pipeline.rebuild_access
    first = asyncio.create_task(rebuild(access, slow, ignore))
    await stack.until(lambda: written_parts(pipeline, at_least=1))
    for process in psutil.Process().children():
        if "services.rebuild" in process.cmdline():
            process.send_signal(signal.SIGKILL)
    with pytest.raises(RebuildRefused, match="not replayed"):
        await first
    before = await parts(pipeline)

    second = asyncio.create_task(rebuild(access, slow, ignore))
    await stack.until(lambda: written_parts(pipeline, at_least=before + 1))
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second

    rebuilt = await rebuild(access, Options(processes=2), ignore)
    assert (rebuilt.generation, rebuilt.differences) == (2, ())
    assert 0 < rebuilt.events < 300
    assert await contents(pipeline, 2) == await contents(pipeline, 1)


async def parts(pipeline: Pipeline) -> int:
    """How many parts of the log are written."""
    return len(await pipeline.rows("SELECT FROM ledger.rebuild_bucket"))


async def written_parts(pipeline: Pipeline, at_least: int) -> bool:
    """Whether so many parts of the log are written."""
    return await parts(pipeline) >= at_least


async def test_a_projector_goes_on_with_the_new_generation(stack: Stack) -> None:
    """Events that were applied while the rebuild ran are in both generations, later ones in the new one."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 20)
    async with pipeline.projector() as projector:
        during, after = unused_subject(), unused_subject()

        def report(step: Step) -> None:
            seen.append(step.phase)

        async def project() -> bool:
            stored = await projector.stored_positions(range(12))
            records = await pipeline.logged(Topic.PROFILE_EVENTS, stored)
            return not records or await applied_or_fenced(projector, records)

        seen: list[str] = []
        ready = await rebuild(pipeline.rebuild_access, Options(processes=1, switch=False), report)
        assert not ready.is_live
        await pipeline.send_events(login(subject=during, idp_id="during"))
        assert await project()
        rebuilt = await rebuild(pipeline.rebuild_access, Options(processes=1), report)
        assert rebuilt.generation == 2
        assert list(dict.fromkeys(seen)) == ["replay", "index", "catch_up", "compare"]
        assert during in await pipeline.views("profile")

        await pipeline.send_events(login(subject=after, idp_id="after"))
        assert not await project()
        assert await project()
        assert after in await pipeline.views("profile")
    assert after not in {row["subject"] for row in await pipeline.rows("SELECT subject FROM view_1.profile")}


async def test_a_wait_for_a_position_survives_the_switch(stack: Stack) -> None:
    """What the earlier generation has applied counts as applied in the new one."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 5)
    url = pipeline.settings("management")["database_url"]
    topic = pipeline.prefix + Topic.PROFILE_EVENTS.value
    (record, *_) = await pipeline.logged(Topic.PROFILE_EVENTS)
    watch = await PositionWatch.open(url, topic, Readiness())
    try:
        assert watch.covers(Position(record.partition, record.offset))
        await rebuild(pipeline.rebuild_access, Options(processes=1), ignore)
        await stack.until(lambda: is_followed(watch, 2))
        assert watch.covers(Position(record.partition, record.offset))
    finally:
        await watch.close()


async def is_followed(watch: PositionWatch, generation: int) -> bool:
    """Whether the watch follows this generation."""
    return watch.generation == generation


async def test_differences_stop_the_switch(stack: Stack) -> None:
    """A row that was tampered with is named by subject and column, without its values."""
    pipeline = await make_pipeline(stack)
    one, other = await some_people(pipeline, 2)
    await pipeline.run("UPDATE view_1.search SET email = 'secret@example.com' WHERE subject = $1", one)
    await pipeline.run("DELETE FROM view_1.activity WHERE subject = $1", other)
    with pytest.raises(RebuildRefused, match=one) as refused:
        await rebuild(pipeline.rebuild_access, Options(processes=1), ignore)
    assert "secret" not in str(refused.value)
    assert await generations(pipeline) == [(1, "live"), (2, "building")]

    rebuilt = await rebuild(pipeline.rebuild_access, Options(processes=1, accept_differences=True), ignore)
    assert rebuilt.differences == (
        RowDifference("search", "demo", one, ("email",)),
        RowDifference("activity", "demo", other, ()),
    )
    assert await generations(pipeline) == [(1, "retired"), (2, "live")]
    assert (await pipeline.views("search"))[one]["email"] != "secret@example.com"


async def test_the_earlier_generation_comes_back_and_goes(stack: Stack) -> None:
    """A rollback shows the earlier generation with what happened since; then the other one can be dropped."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 3)
    access = pipeline.rebuild_access
    with pytest.raises(RebuildRefused, match="no earlier generation"):
        await roll_back(access, ignore)
    await rebuild(access, Options(processes=1), ignore)
    (late,) = await some_people(pipeline, 1)
    expected = await contents(pipeline, 2)

    assert await roll_back(access, ignore) == 1
    assert await generations(pipeline) == [(1, "live"), (2, "retired")]
    assert await contents(pipeline, 1) == expected
    assert late in await pipeline.views("profile")
    assert await drop_others(access) == [2]
    assert await pipeline.rows("SELECT FROM pg_namespace WHERE nspname = 'view_2'") == []


async def test_generations_of_last_week_are_dropped(stack: Stack) -> None:
    """A switch and a preparation drop what ceased to be live more than seven days ago, and nothing else."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 2)
    for _ in range(2):
        await rebuild(pipeline.rebuild_access, Options(processes=1), ignore)
    assert await generations(pipeline) == [(1, "retired"), (2, "retired"), (3, "live")]
    await pipeline.run(
        "UPDATE ledger.generation SET retired_at = now() - interval '7 days 1 minute' WHERE number = 1"
    )
    assert await rebuild_if_needed(pipeline.rebuild_access, ignore) is None
    assert await generations(pipeline) == [(2, "retired"), (3, "live")]


async def test_two_rebuilds_at_once(stack: Stack) -> None:
    """The second one is refused and leaves the first alone."""
    pipeline = await make_pipeline(stack)
    await some_people(pipeline, 100)
    first = asyncio.create_task(rebuild(pipeline.rebuild_access, Options(processes=1, rate=100.0), ignore))
    await stack.until(lambda: written_parts(pipeline, at_least=1))
    with pytest.raises(RebuildRefused, match="another rebuild"):
        await rebuild(pipeline.rebuild_access, Options(processes=1), ignore)
    assert (await first).differences == ()


async def test_erased_people_and_bad_records_are_passed_over(stack: Stack) -> None:
    """Records without keys, and records that are no events, are in neither generation."""
    pipeline = await make_pipeline(stack)
    gone, _ = await some_people(pipeline, 2)
    log = await LogWriter.open(stack.kafka, pipeline.prefix + Topic.PROFILE_EVENTS.value)
    try:
        await log.append_many([Record(b"demo/sub", b"no event"), Record(b"demo/sub", b"")])
    finally:
        await log.close()
    await pipeline.project()
    await pipeline.run("UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE owner = $1", gone)
    rebuilt = await rebuild(pipeline.rebuild_access, Options(processes=1, accept_differences=True), ignore)
    assert {one.subject for one in rebuilt.differences if one.table == "profile"} == {gone}
    assert gone not in await pipeline.views("profile")
