"""Least privilege and row-level security on the real database."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from schemas.events import RolesAssigned, RolesData, UserCreated, UserCreatedData
from tests.flow import Flow, make_flow, somebody
from tests.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def flow(stack: Stack) -> AsyncIterator[Flow]:
    """An installation with one person in it."""
    flow = await make_flow(stack)
    data = UserCreatedData(
        connection="db", strategy="auth0", provider="auth0", idp_id="1", attributes={"email": "a@example.com"}
    )
    subject = somebody()
    await flow.send_events(
        flow.event(UserCreated, subject, data),
        flow.event(RolesAssigned, subject, RolesData(roles=("rol_1",))),
    )
    await flow.run("INSERT INTO ledger.directory VALUES ('demo', 'auth0', '1', $1)", subject)
    await flow.project()
    yield flow


TENANT_TABLES = (
    "views.profile",
    "views.search",
    "views.activity",
    "views.membership",
    "views.search_leaf",
    "views.tenant_search",
    "views.tenant_activity",
    "views.tenant_leaf",
    "ledger.directory",
    "ledger.subject_key",
    "view_1.profile",
)


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_management_sees_one_tenant_only(flow: Flow, table: str) -> None:
    """Without a tenant nothing, with another nothing, with the own one its rows, whatever the query says."""
    async with flow.connected("vita_management") as connection:
        counts = []
        for tenant in (None, "other", "demo"):
            if tenant is not None:
                await connection.execute("SELECT set_config('vita.tenant', $1, false)", tenant)
            counts.append(await connection.fetchval(f"SELECT count(*) FROM {table}"))
        assert counts[:2] == [0, 0]
        assert counts[2] >= 1


FORBIDDEN = [
    ("vita_ingest", "SELECT 1 FROM views.profile"),
    ("vita_ingest", "SELECT 1 FROM views.search"),
    ("vita_ingest", "SELECT user_id FROM view_1.search"),
    ("vita_ingest", "SELECT memory FROM view_1.login_guard"),
    ("vita_ingest", "INSERT INTO view_1.ip_guard DEFAULT VALUES"),
    ("vita_ingest", "DELETE FROM ledger.directory"),
    ("vita_management", "DELETE FROM view_1.login_guard"),
    ("vita_ingest", "SELECT private_wrapped FROM ledger.signing_key"),
    ("vita_ingest", "SELECT 1 FROM ledger.wrapping_key"),
    ("vita_normalizer", "SELECT 1 FROM views.profile"),
    ("vita_normalizer", "DELETE FROM ledger.directory"),
    ("vita_normalizer", "UPDATE ledger.subject_key SET profile = NULL"),
    ("vita_normalizer", "SELECT 1 FROM ledger.signing_key"),
    ("vita_projector", "DELETE FROM view_1.profile"),
    ("vita_projector", "DELETE FROM ledger.subject_key"),
    ("vita_projector", "INSERT INTO trail.leaf DEFAULT VALUES"),
    ("vita_auditor", "SELECT 1 FROM ledger.subject_key"),
    ("vita_auditor", "SELECT 1 FROM ledger.wrapping_key"),
    ("vita_auditor", "SELECT 1 FROM ledger.directory"),
    ("vita_auditor", "SELECT 1 FROM view_1.profile"),
    ("vita_auditor", "UPDATE trail.leaf SET log_offset = 0"),
    ("vita_auditor", "DELETE FROM trail.leaf"),
    ("vita_auditor", "TRUNCATE trail.leaf"),
    ("vita_auditor", "UPDATE trail.checkpoint SET body = ''"),
    ("vita_management", "UPDATE view_1.profile SET document = NULL"),
    ("vita_management", "INSERT INTO view_1.search DEFAULT VALUES"),
    ("vita_management", "DELETE FROM view_1.membership"),
    ("vita_normalizer", "SELECT 1 FROM views.membership"),
    ("vita_management", "DELETE FROM ledger.subject_key"),
    ("vita_management", "UPDATE ledger.position SET next_offset = 0"),
    ("vita_operator", "SELECT secrets FROM view_1.profile"),
    ("vita_operator", "SELECT secret_hash FROM view_1.client"),
    ("vita_operator", "UPDATE view_1.profile SET document = NULL"),
    ("vita_operator", "DELETE FROM ledger.subject_key"),
    ("vita_operator", "DELETE FROM trail.leaf"),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
async def test_roles_do_only_their_own_work(flow: Flow, role: str, statement: str) -> None:
    """What is not a role's work is refused by the database itself."""
    async with flow.connected(role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
