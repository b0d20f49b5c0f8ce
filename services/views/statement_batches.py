"""Executes many statements as one: most batches of events are small, so round trips cost more than the rows.

The statements of a statement batch write different rows, so their order has no effect. A statement batch may
depend on earlier ones.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from itertools import zip_longest
from typing import Any, Final

import asyncpg

from projections.fold_view import Write
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

Statement = tuple[str, Sequence[Sequence[Any]]]
"""A statement with one array parameter per column, and its rows, at least one."""
StatementBatch = Sequence[Statement]
"""Statements that write different rows and may run in any order, or as one."""
_PARAMETER: Final = re.compile(r"\$(\d+)")
_EMPTY_QUERY: Final = "SELECT"


def statement(write: Write) -> Statement:
    """Return the statement for a write to a view, with its rows."""
    return load(write.package)[write.query], write.rows


def side_by_side(*sources: Sequence[StatementBatch]) -> list[list[Statement]]:
    """Merge the statement batches of independent sources: the first ones of all sources, then the second
    ones, and so on. Empty batches are left out."""
    levels = zip_longest(*sources, fillvalue=())
    return [joint for level in levels if (joint := [one for batch in level for one in batch])]


async def execute(
    connection: DatabaseConnection,
    batch: StatementBatch,
    then: str = _EMPTY_QUERY,
    arguments: Sequence[Any] = (),
) -> None:
    """Execute a statement batch as one statement with common table expressions. `then` is its main query,
    with these arguments."""
    parts = tuple((text, len(rows[0])) for text, rows in batch)
    columns = [list(column) for _, rows in batch for column in zip(*rows, strict=True)]
    await connection.fetch(_statement(then, len(arguments), parts), *arguments, *columns)


async def write_batches(
    pool: asyncpg.Pool, batches: Sequence[StatementBatch], then: tuple[str, Sequence[Any]]
) -> None:
    """Run statement batches and `then`, a statement with its arguments, in one transaction."""
    first, *later = batches or ((),)
    async with pool.acquire() as connection:
        # A single statement is a transaction by itself.
        async with connection.transaction() if later else nullcontext():
            await execute(connection, first, *then)
            for batch in later:
                await execute(connection, batch)


@cache
def _statement(then: str, arguments: int, parts: tuple[tuple[str, int], ...]) -> str:
    texts, taken = [], arguments
    for place, (text, width) in enumerate(parts):
        texts.append(f"part_{place} AS (\n{_shifted(text, taken)}\n)")
        taken += width
    return f"WITH {', '.join(texts)}\n{then}" if texts else then


def _shifted(text: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", text.rstrip("; \n"))
