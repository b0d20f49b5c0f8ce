"""Every login check is answered through indexes, with the rights that ingest has."""

import pytest
import pytest_asyncio

from services.runtime.postgres.named_queries import load
from tests.bench.login_checks import fill
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline

PEOPLE = 20_000
TABLES = ("search", "directory", "login_guard", "ip_guard", "linked_identity")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pipeline(stack: Stack) -> Pipeline:
    """Many people with failed logins."""
    pipeline = await make_pipeline(stack)
    async with pipeline.connected() as connection:
        await fill(connection, "demo", PEOPLE)
        await connection.execute(
            "INSERT INTO view_1.linked_identity SELECT 'demo', 'sub_' || n, 'github', n::text, 'github',"
            " 'g' || n || '@example.com' FROM generate_series(1, $1::int) AS n",
            PEOPLE,
        )
        await connection.execute("ANALYZE view_1.linked_identity")
    return pipeline


@pytest.mark.parametrize(
    ("role", "file", "query", "arguments"),
    [
        (
            "vita_ingest",
            "services.ledger/directory.sql",
            "login_checks",
            "'demo', ARRAY['Users'], ARRAY['p7@example.com'], ARRAY[NULL], ARRAY[NULL], ARRAY['10.0.0.7']",
        ),
        (
            "vita_ingest",
            "services.ledger/directory.sql",
            "login_checks",
            "'demo', ARRAY[NULL], ARRAY[NULL], ARRAY['auth0'], ARRAY['7'], ARRAY['10.0.0.7']",
        ),
        (
            "vita_normalizer",
            "services.ledger/directory.sql",
            "resolve_sign_in_names",
            "ARRAY['demo'], ARRAY['Users'], ARRAY['p7@example.com']",
        ),
        (
            "vita_management",
            "services.queries/login_failures.sql",
            "failures_of_identifier",
            "'demo', 'p7@example.com'",
        ),
        (
            "vita_management",
            "services.queries/login_failures.sql",
            "failures_of_person",
            "'demo', 'sub_7', ARRAY['p7@example.com']",
        ),
        (
            "vita_management",
            "services.queries/login_failures.sql",
            "failures_from_address",
            "'demo', '10.0.0.7'",
        ),
    ],
)
async def test_no_table_is_read_from_end_to_end(
    pipeline: Pipeline, role: str, file: str, query: str, arguments: str
) -> None:
    """The plan for any arguments names an index for each table of many rows."""
    async with pipeline.connected(role) as connection:
        await connection.execute("SELECT set_config('vita.tenant', 'demo', false)")
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {load(*file.split('/'))[query]}")
        plan = [line[0] for line in await connection.fetch(f"EXPLAIN EXECUTE asked ({arguments})")]
        assert not [line for line in plan for table in TABLES if f"Seq Scan on {table}" in line], plan
        await connection.fetch(f"EXECUTE asked ({arguments})")
