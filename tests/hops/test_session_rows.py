"""The rows of sessions, refresh tokens, grants and device credentials, as the real statements leave them."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.session.view import SESSION
from schemas.events import (
    LoginSucceeded,
    LoginSucceededData,
    RefreshTokenChanged,
    RefreshTokenRevoked,
    SessionChanged,
    SessionRevoked,
    UserDeleted,
)
from services.views.statement_batches import execute, statement
from tests.laws.access import ACCESS_EDITS, seen
from tests.laws.events import EDITS, START, Step, histories, placed, split
from tests.samples.profile_events import on_the_log
from tests.support.stack import Database

TABLES = ("session", "refresh_token", "user_grant", "device_credential")


@pytest.fixture
def connection(database: Database) -> Iterator[tuple[asyncio.Runner, asyncpg.Connection]]:
    """A connection to the views on a separate loop, which Hypothesis can run repeatedly."""
    with asyncio.Runner() as runner:
        path = {"search_path": "view_1"}
        opened = runner.run(asyncpg.connect(database.url_for("vita_projector"), server_settings=path))
        yield runner, opened
        runner.run(opened.close())


async def rows_after(connection: asyncpg.Connection, batches: Sequence[Sequence[Any]]) -> list[Any]:
    """What the tables hold after these batches; nothing of it stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        views = Views()
        for batch in batches:
            outcome = fold_batch(views, on_the_log(batch))
            views.take(outcome.now)
            for batch_of_writes in SESSION.writes(outcome.applied):
                await execute(connection, [statement(write) for write in batch_of_writes])
        return [
            await connection.fetch(f"SELECT * FROM {table} ORDER BY tenant, subject, id") for table in TABLES
        ]
    finally:
        await transaction.rollback()


MOMENTS = st.integers(0, 3).map(lambda minutes: START + timedelta(minutes=minutes))
ACCESS_LOGINS = st.builds(
    LoginSucceededData,
    connection=st.just("google-oauth2"),
    strategy=st.sampled_from(["google-oauth2", "auth0"]),
    is_social=st.just(True),
    root_policy=st.just("on_each_login"),
    client_id=st.sampled_from(["app", "other", "third"]),
    provider=st.just("google-oauth2"),
    idp_id=st.just("1"),
    attributes=st.just({}),
    ip=st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", None]),
    **seen,
)
HELD = LoginSucceeded, SessionRevoked, SessionChanged, RefreshTokenRevoked, RefreshTokenChanged, UserDeleted


@st.composite
def access_steps(draw: st.DrawFn) -> Step:
    """A login that shows much, or something said of what logins gave."""
    model = draw(st.sampled_from([LoginSucceeded] * 8 + [*HELD, *ACCESS_EDITS]))
    data = draw(ACCESS_LOGINS if model is LoginSucceeded else EDITS[model])
    return Step(draw(st.sampled_from([0, 0, 0, 1])), model, data, draw(MOMENTS))


streams = st.one_of(
    st.lists(access_steps(), min_size=8, max_size=20).map(placed), histories(people=2, max_size=14)
)


@given(streams, st.lists(st.integers(0, 20), max_size=4))
@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_batch_split_gives_the_same_rows(
    connection: tuple[asyncio.Runner, asyncpg.Connection], stream: list[Any], cuts: list[int]
) -> None:
    """The tables do not depend on how the events are split into batches."""
    runner, opened = connection
    at_once = runner.run(rows_after(opened, [stream]))
    assert runner.run(rows_after(opened, [[event] for event in stream])) == at_once
    assert runner.run(rows_after(opened, split(stream, cuts))) == at_once
