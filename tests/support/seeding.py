"""Many people put straight into the views: the rows the projector would write, by COPY instead of its
statements."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import asyncpg

from projections.fold_view import Change
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from projections.search.view import search_writes

BATCH: Final = 5000
_TABLES: Final = {
    "write_people": "profile",
    "write_search": "search",
    "write_activity": "activity",
    "write_leaves": "search_leaf",
}
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
People = Iterable[tuple[str, Mapping[str, Any]]]
"""(subject, document) of each."""


async def seed(connection: asyncpg.Connection, tenant: str, people: People, schema: str = "view_1") -> int:
    """Add these people, all of them new, to a generation of the views and return their number. The connection
    is a superuser's."""
    waiting, done = iter(people), 0
    while batch := list(islice(waiting, BATCH)):
        changes = {(tenant, subject): Change(NO_PROFILE, Profile(1, document)) for subject, document in batch}
        for _, query, rows in (*PROFILE.writes(changes, {}), *search_writes(changes)):
            await connection.copy_to_table(
                _TABLES[query], schema_name=schema, source=_lines(rows), format="text"
            )
        done += len(batch)
    await connection.execute(
        f"INSERT INTO {schema}.population AS p VALUES ($1, 0, $2)"
        " ON CONFLICT (tenant, partition) DO UPDATE SET users = p.users + excluded.users",
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
