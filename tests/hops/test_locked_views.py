"""A table that is locked by another session: every request is answered in time, in the documented way."""

import asyncio

import asyncpg
import pytest

from services.runtime.postgres.tenant_pool import (
    ACQUIRE_SECONDS,
    COMMAND_SECONDS,
    LOCK_SECONDS,
    STATEMENT_SECONDS,
)
from tests.worlds.management import Site, new_user, path_of


async def table_behind(connection: asyncpg.Connection, view: str) -> str:
    """The table that a stable view shows."""
    name: str = await connection.fetchval(
        "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND c.oid IN ("
        " SELECT d.refobjid FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid"
        " WHERE r.ev_class = $1::regclass) LIMIT 1",
        view,
    )
    return name


@pytest.mark.parametrize("view", ["views.profile", "views.connection", "ledger.reservation"])
async def test_a_locked_table_does_not_hold_requests(site: Site, view: str) -> None:
    """Concurrent requests that need a locked table get 503 or 202 after the lock timeout, and succeed when
    the lock is released."""
    api = site.client()
    made = await api.post("/api/v2/users", json=new_user(email=f"{view}@example.com"))
    assert made.status_code == 201, made.text
    place = path_of(made.json()["user_id"])
    connection = await asyncpg.connect(site.database.admin)
    try:
        table = view if view.startswith("ledger") else await table_behind(connection, view)
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            edits = [{"email": f"{n}-{view}@example.com"} for n in range(4)]
            answers = await asyncio.wait_for(
                asyncio.gather(*(api.patch(place, json=edit) for edit in edits)), 60
            )
            # PostgreSQL still waits for nothing of these requests: they ended there, too
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vita management'"
            waiting += " AND datname = current_database() AND wait_event_type = 'Lock'"
            assert await connection.fetchval(waiting) == 0
        assert {answer.status_code for answer in answers} <= {202, 503}, [a.text for a in answers]
        for answer in answers:
            body = answer.json()
            assert body.get("status") == "accepted" or body["error"] == "Service Unavailable"
    finally:
        await connection.close()

    async def succeeds() -> bool:
        body = {"user_metadata": {"seen": view}}
        return (await api.patch(place, json=body)).status_code in (200, 202)

    await site.stack.until(succeeds)


async def test_every_session_of_requests_has_its_limits(site: Site) -> None:
    """The server itself ends what waits or runs for too long, before the client gives up on it."""
    async with site.storage.database.connection("demo") as connection:
        limits = [
            await connection.fetchval(f"SELECT setting::int FROM pg_settings WHERE name = '{name}'")
            for name in ("lock_timeout", "statement_timeout")
        ]
    assert limits == [LOCK_SECONDS * 1000, STATEMENT_SECONDS * 1000]
    assert LOCK_SECONDS < ACQUIRE_SECONDS < STATEMENT_SECONDS < COMMAND_SECONDS
