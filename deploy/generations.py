"""Generations of the views: one PostgreSQL schema each, behind the stable names of the live one (design
D8)."""

import hashlib
from pathlib import Path

import asyncpg

PROJECTIONS = Path(__file__).parent.parent / "projections"
VIEWS = (
    "profile",
    "search",
    "connection",
    "client",
    "setting",
    "membership",
    "linked_identity",
    "login_guard",
    "log_entry",
    "daily",
    "population",
    "session",
    "quarantined_login",
)
VIEWS_SCHEMA = "CREATE SCHEMA views"
"""The stable names are made anew with a new definition: a view cannot lose or reorder columns."""


def definition() -> str:
    """What the tables of a generation are made by, as a hash."""
    texts = [(PROJECTIONS / view / file).read_bytes() for view in VIEWS for file in ("table.sql", "view.sql")]
    return hashlib.sha256(b"\x00".join(texts)).hexdigest()


async def ensure_generation(connection: asyncpg.Connection) -> None:
    """Has the views shown by tables of this version's definition: the first generation, or a new empty one
    that the projector fills from the log. Runs as the owner; the rights on what it makes are the caller's to
    apply, in the same transaction."""
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
    """Empty tables for a generation to be built."""
    schema = f"view_{number}"
    await connection.execute(f"CREATE SCHEMA {schema}")
    await _run(connection, schema, "table.sql")
    await connection.execute(
        "INSERT INTO ledger.generation (number, state, definition) VALUES ($1, 'building', $2)",
        number,
        definition(),
    )


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
