"""Generations of the views: one PostgreSQL schema each, behind stable names that show the live one (design
D8)."""

import hashlib
from pathlib import Path

import asyncpg

from projections.registry import FOLDERS

PROJECTIONS = Path(__file__).parent.parent / "projections"
VIEWS_SCHEMA = "CREATE SCHEMA views"
"""A new definition drops and creates the stable names, because a view cannot lose or reorder columns."""


def definition() -> str:
    """Return a hash of the statements that create the tables of a generation."""
    texts = [
        (PROJECTIONS / view / file).read_bytes() for view in FOLDERS for file in ("table.sql", "view.sql")
    ]
    return hashlib.sha256(b"\x00".join(texts)).hexdigest()


async def ensure_generation(connection: asyncpg.Connection) -> None:
    """Make the views show tables of this version's definition.

    Creates the first generation, or a new empty one that the projector fills from the log. Runs as the
    owner; the caller grants the rights on what it creates in the same transaction.
    """
    async with connection.transaction():
        live = await connection.fetchrow(
            "SELECT number, definition FROM ledger.generation WHERE state = 'live'"
        )
        if live is not None and live["definition"] == definition():
            return
        number = await connection.fetchval("SELECT coalesce(max(number), 0) + 1 FROM ledger.generation")
        await create_generation(connection, number)
        if live is not None:
            await connection.execute("DROP SCHEMA views CASCADE")
            await connection.execute(VIEWS_SCHEMA)
        await show_generation(connection, number)


async def create_generation(connection: asyncpg.Connection, number: int) -> None:
    """Create the empty tables of a generation."""
    schema = f"view_{number}"
    await connection.execute(f"CREATE SCHEMA {schema}")
    await _run(connection, schema, "table.sql")
    await connection.execute(
        "INSERT INTO ledger.generation (number, state, definition) VALUES ($1, 'building', $2)",
        number,
        definition(),
    )


async def show_generation(connection: asyncpg.Connection, number: int) -> None:
    """Point the stable views at this generation. The caller's transaction makes the change atomic."""
    await connection.execute("UPDATE ledger.generation SET state = 'retired' WHERE state = 'live'")
    await connection.execute("UPDATE ledger.generation SET state = 'live' WHERE number = $1", number)
    await _run(connection, f"view_{number}", "view.sql")


async def _run(connection: asyncpg.Connection, schema: str, file: str) -> None:
    await connection.execute(f"SET LOCAL search_path = {schema}, public")
    for view in FOLDERS:
        await connection.execute((PROJECTIONS / view / file).read_text("utf-8"))
    await connection.execute("SET LOCAL search_path = DEFAULT")
