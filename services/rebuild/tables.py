"""The tables of a generation while it is replayed: without the indexes that only readers need."""

import re
from functools import cache
from typing import Final, NamedTuple

import asyncpg

from projections.fold_view import Write
from services.ledger.progress.rebuilds import add_index, forget_index
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
    text = load("services.rebuild", "tables.sql")["indexes"]
    for row in await connection.fetch(text, schema_of(number), COPIED):
        await add_index(connection, number, row["name"], row["statement"])
        await connection.execute(row["removal"])


async def make_index(connection: asyncpg.Connection, number: int, name: str, statement: str) -> None:
    """Make an index or constraint again, and forget that it was missing."""
    async with connection.transaction():
        await connection.execute(statement)
        await forget_index(connection, number, name)
