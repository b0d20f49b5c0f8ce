"""Generations of the views: one PostgreSQL schema each, behind stable names that show the live one (design
D8). Everything here runs as the owner of the tables."""

from typing import Final

import asyncpg

from projections.registry import FOLDERS
from services.ledger.progress.rebuilds import (
    add_generation,
    forget_generation,
    live_definition,
    make_live,
)
from services.views.version import code, definition, view_text

VIEWS_SCHEMA: Final = "CREATE SCHEMA views"
"""A new definition drops and creates the stable names, because a view cannot lose or reorder columns."""


def schema_of(number: int) -> str:
    """Return the name of the schema that holds a generation's tables."""
    return f"view_{number}"


async def ensure_generation(connection: asyncpg.Connection) -> None:
    """Create the first generation if there is none. The caller grants the rights on what is created in the
    same transaction."""
    async with connection.transaction():
        if await live_definition(connection) is None:
            await show_generation(connection, await create_generation(connection))


async def create_generation(connection: asyncpg.Connection, *, renormalized: bool = False) -> int:
    """Create the empty tables of a new generation, and return its number. `renormalized` says that its logins
    are mapped again."""
    number = await add_generation(connection, definition(), code(), renormalized=renormalized)
    await connection.execute(f"CREATE SCHEMA {schema_of(number)}")
    await _run(connection, number, "table.sql")
    return number


async def show_generation(connection: asyncpg.Connection, number: int) -> None:
    """Make this generation live: the stable views show it. The caller's transaction makes the change
    atomic."""
    if not await make_live(connection, number):
        await connection.execute("DROP SCHEMA views CASCADE")
        await connection.execute(VIEWS_SCHEMA)
    await _run(connection, number, "view.sql")


async def drop_generation(connection: asyncpg.Connection, number: int) -> None:
    """Drop the tables of a generation that is not live, and forget its positions."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema_of(number)} CASCADE")
    await forget_generation(connection, number)


async def _run(connection: asyncpg.Connection, number: int, file: str) -> None:
    await connection.execute(f"SET LOCAL search_path = {schema_of(number)}, public")
    for view in FOLDERS:
        await connection.execute(view_text(view, file))
    await connection.execute("SET LOCAL search_path = DEFAULT")
