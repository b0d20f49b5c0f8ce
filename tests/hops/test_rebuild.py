"""Rebuilds on the real broker and database: what a new generation holds, and how it becomes live."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.rebuild import rebuild_access
from projections.registry import VIEWS
from services.rebuild.access import RebuildAccess
from services.rebuild.rebuild import Options, RebuildRefused, Step, drop_others, rebuild, roll_back
from tests.laws.events import placed, steps
from tests.samples.profile_events import login
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, unused_subject

TABLES = [table for view in VIEWS for table in view.tables]


def access_to(pipeline: Pipeline) -> RebuildAccess:
    """An administrator's access to the pipeline's installation."""
    stack, database = pipeline.stack, pipeline.database
    return rebuild_access(
        kafka=stack.kafka,
        topic_prefix=pipeline.prefix,
        admin_url=stack.admin_url,
        database=database.name,
        role_prefix=database.access.prefix or database.name,
        key_provider=pipeline.settings("projector")["key_provider"],
    )


async def contents(pipeline: Pipeline, number: int) -> dict[str, list[Any]]:
    """Every row of a generation, as text."""
    return {
        table: [
            row[0] for row in await pipeline.rows(f"SELECT t::text FROM view_{number}.{table} t ORDER BY 1")
        ]
        for table in TABLES
    }


def ignore(_: Step) -> None:
    """Report to nobody."""


async def test_a_rebuilt_generation_is_the_live_one(stack: Stack) -> None:
    pipeline = await make_pipeline(stack)
    await pipeline.send_events(*(login(subject=unused_subject(), idp_id=str(n)) for n in range(50)))
    await pipeline.project()
    before = await contents(pipeline, 1)
    rebuilt = await rebuild(access_to(pipeline), Options(processes=2), ignore)
    assert (rebuilt.generation, rebuilt.events, rebuilt.differences, rebuilt.is_live) == (2, 50, (), True)
    assert await contents(pipeline, 2) == before
