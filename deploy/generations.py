"""Generations of the views: one PostgreSQL schema each, behind the stable names of the live one (design
D8)."""

from pathlib import Path

import asyncpg

PROJECTIONS = Path(__file__).parent.parent / "projections"
VIEWS = ("profile", "search", "connection", "client")
ROLES = ("vita_ingest", "vita_normalizer", "vita_projector", "vita_management", "vita_operator")


async def ensure_first_generation(connection: asyncpg.Connection) -> None:
    """Makes generation 1 and shows it, where there is none yet. Runs as the owner, in its own transaction."""
    async with connection.transaction():
        if await connection.fetchval("SELECT count(*) FROM ledger.generation") == 0:
            await create_generation(connection, 1)
            await show_generation(connection, 1)


async def create_generation(connection: asyncpg.Connection, number: int) -> None:
    """Empty tables for a generation to be built."""
    schema = f"view_{number}"
    await connection.execute(f"CREATE SCHEMA {schema}")
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(ROLES)}")
    await _run(connection, schema, "table.sql")
    await connection.execute("INSERT INTO ledger.generation (number, state) VALUES ($1, 'building')", number)


async def show_generation(connection: asyncpg.Connection, number: int) -> None:
    """Turns the stable views to this generation; inside a transaction nobody sees a moment between."""
    await connection.execute("UPDATE ledger.generation SET state = 'retired' WHERE state = 'live'")
    await connection.execute("UPDATE ledger.generation SET state = 'live' WHERE number = $1", number)
    await _run(connection, f"view_{number}", "view.sql")


async def _run(connection: asyncpg.Connection, schema: str, file: str) -> None:
    await connection.execute(f"SET LOCAL search_path = {schema}, public")
    for view in VIEWS:
        await connection.execute((PROJECTIONS / view / file).read_text("utf-8"))
    await connection.execute("SET LOCAL search_path = DEFAULT")
