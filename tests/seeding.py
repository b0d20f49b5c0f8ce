"""Many people put straight into the views: the rows the projector would write, by COPY instead of its
statements."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import asyncpg

from projections.profile.state import NOBODY, Profile
from services.projector.batch import Change
from services.projector.store import people_writes
from services.runtime.postgres.named_queries import load

BATCH: Final = 5000
_TABLES: Final = {
    load(package)[name]: table
    for package, name, table in (
        ("projections.profile", "write_people", "profile"),
        ("projections.search", "write_search", "search"),
        ("projections.search", "write_activity", "activity"),
        ("projections.search", "write_leaves", "search_leaf"),
    )
}
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
People = Iterable[tuple[str, Mapping[str, Any]]]
"""(subject, document) of each."""


async def seed(connection: asyncpg.Connection, tenant: str, people: People, schema: str = "view_1") -> int:
    """Adds these people, nobody knew before, to a generation of the views; how many there were. The
    connection is a superuser's."""
    waiting, done = iter(people), 0
    while batch := list(islice(waiting, BATCH)):
        changes = {(tenant, subject): Change(NOBODY, Profile(1, document)) for subject, document in batch}
        for statement, rows in people_writes(changes, {}):
            await connection.copy_to_table(
                _TABLES[statement], schema_name=schema, source=_lines(rows), format="text"
            )
        done += len(batch)
    await connection.execute(
        f"INSERT INTO {schema}.population AS p VALUES ($1, 0, $2)"
        " ON CONFLICT (tenant, partition) DO UPDATE SET living = p.living + excluded.living",
        tenant, done,
    )  # fmt: skip
    return done


async def vacuumed(connection: asyncpg.Connection, schema: str = "view_1") -> bool:
    """Vacuums and analyses; whether every page is then known to be visible to all, which plans depend on. It
    is not while another session, such as an automatic analysis, looks at an older state."""
    await connection.execute("VACUUM ANALYZE")
    found: bool = await connection.fetchval(
        "SELECT bool_and(relallvisible >= relpages) FROM pg_class"
        " WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'",
        schema,
    )
    return found


async def _lines(rows: Iterable[Sequence[Any]]) -> AsyncIterator[bytes]:
    waiting = iter(rows)
    while block := "".join("\t".join(map(_cell, row)) + "\n" for row in islice(waiting, 1000)):
        yield block.encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return "\\N"
        case bool():
            return "t" if value else "f"
        case str():
            return value.translate(_ESCAPES)
    return str(value)
