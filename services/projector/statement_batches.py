"""Many statements as one: a batch is mostly small, and then a round trip costs more than the rows.

A wave holds statements that touch different rows, so that their order makes no difference; what a later wave
does may depend on an earlier one.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, Final

import asyncpg

from services.projector.event_views import Wave, Write

_PARAMETER: Final = re.compile(r"\$(\d+)")
NOTHING: Final = "SELECT"


def side_by_side(*sources: Sequence[Wave]) -> list[list[Write]]:
    """Sources that have nothing to do with each other: their first waves together, then their second."""
    return [[write for wave in level for write in wave] for level in zip_longest(*sources, fillvalue=())]


async def execute(
    connection: asyncpg.Connection, wave: Wave, then: str = NOTHING, arguments: Sequence[Any] = ()
) -> None:
    """Runs a wave as the parts of one statement, whose main query is `then` with these arguments; each part
    gets its rows as one array per column."""
    parts = tuple((statement, len(rows[0])) for statement, rows in wave)
    columns = [list(column) for _, rows in wave for column in zip(*rows, strict=True)]
    await connection.fetch(_statement(then, len(arguments), parts), *arguments, *columns)


@cache
def _statement(then: str, arguments: int, parts: tuple[tuple[str, int], ...]) -> str:
    texts, taken = [], arguments
    for place, (statement, width) in enumerate(parts):
        texts.append(f"part_{place} AS (\n{_shifted(statement, taken)}\n)")
        taken += width
    return f"WITH {', '.join(texts)}\n{then}" if texts else then


def _shifted(statement: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement.rstrip("; \n"))
