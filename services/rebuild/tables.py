"""The tables of a generation while it is replayed: without the indexes that only readers need."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import asyncpg

from projections.fold_view import Write
from services.rebuild.generations import schema_of
from services.runtime.postgres.named_queries import load

COPIED: Final = frozenset(
    (
        "profile",
        "search",
        "activity",
        "search_leaf",
        "log_entry",
        "membership",
        "linked_identity",
        "login_guard",
    )
)
"""Tables of which a replay writes each row once, by COPY; the others keep their primary keys meanwhile."""
_INSERT: Final = re.compile(r"INSERT INTO (\w+)(?: AS \w+)? \(([^)]*)\)")
_DELETE: Final = re.compile(r"DELETE FROM (\w+)")


class Target(NamedTuple):
    """A table, and those of its columns that a statement writes."""

    table: str
    columns: tuple[str, ...]


def copy_target(write: Write) -> Target | None:
    """Return where to copy the rows of a write, None for one that has to run as a statement."""
    target = _target(write.package, write.query)
    return target if target is not None and target.table in COPIED else None


def deletes_copied(write: Write) -> bool:
    """Return whether a write deletes rows of a table that a replay only adds to: there are none to delete."""
    found = _DELETE.search(load(write.package)[write.query])
    return found is not None and found[1] in COPIED


@cache
def _target(package: str, query: str) -> Target | None:
    found = _INSERT.search(load(package)[query])
    if found is None:
        return None
    return Target(found[1], tuple(column.strip() for column in found[2].split(",")))


async def drop_indexes(connection: asyncpg.Connection, number: int) -> None:
    """Drop the indexes that a replay goes without, and keep the statements that make them again."""
    rows = await connection.fetch(
        load("services.rebuild", "tables.sql")["indexes"], schema_of(number), COPIED
    )
    for row in rows:
        await connection.execute(
            "INSERT INTO ledger.rebuild_index (generation, name, statement) VALUES ($1, $2, $3)",
            number, row["name"], row["statement"],
        )  # fmt: skip
        await connection.execute(row["removal"])


async def pending_indexes(connection: asyncpg.Connection, number: int) -> Sequence[asyncpg.Record]:
    """Return name and statement of the indexes that are missing, those of large tables first."""
    return await connection.fetch(load("services.rebuild", "tables.sql")["pending"], number)


async def make_index(connection: asyncpg.Connection, number: int, name: str, statement: str) -> None:
    """Make an index or constraint again, and forget that it was missing."""
    async with connection.transaction():
        await connection.execute(statement)
        await connection.execute(
            "DELETE FROM ledger.rebuild_index WHERE generation = $1 AND name = $2", number, name
        )
