"""Rows as CSV for COPY: every value as the text that the column's type reads, as the views' statements do."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg

from services.rebuild.tables import Target

FLUSH_CHARACTERS: Final = 4 << 20
NULL: Final = "\\N"


class _Null(int):
    """What `csv` writes without quotes because it is a number: no text that a row holds can be mistaken for
    it."""

    def __str__(self) -> str:
        return NULL


_NULL: Final = _Null()


class CopyBuffer:
    """Rows on their way into one table of a generation."""

    def __init__(self, schema: str, target: Target) -> None:
        self._schema, self._target = schema, target
        self._text = io.StringIO()
        self._write = csv.writer(self._text, quoting=csv.QUOTE_NONNUMERIC).writerows

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, with their values in the order of the target's columns."""
        self._write(
            [
                value if (kind := value.__class__) is str else _NULL if value is None else _other(value, kind)
                for value in row
            ]
            for row in rows
        )

    @property
    def is_full(self) -> bool:
        """Whether it is time to send the rows."""
        return self._text.tell() > FLUSH_CHARACTERS

    async def flush(self, connection: asyncpg.Connection) -> None:
        """Send the rows."""
        if content := self._text.getvalue():
            self._text.seek(0)
            self._text.truncate()
            await connection.copy_to_table(
                self._target.table,
                schema_name=self._schema,
                columns=self._target.columns,
                source=io.BytesIO(content.encode()),
                format="csv",
                null=NULL,
            )


def _other(value: Any, kind: type) -> Any:
    return f"\\x{value.hex()}" if kind is bytes else value
