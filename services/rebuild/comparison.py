"""Two generations compared at one position: checksums per table and partition, then the rows that differ.

RowDifferences are named by tenant, subject and column, never by value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from projections.log_entry.entry import first_id
from projections.registry import VIEWS
from services.rebuild.generations import schema_of
from services.runtime.postgres.named_queries import fill, load
from services.runtime.postgres.pool import DatabaseConnection

TABLES: Final = tuple(table for view in VIEWS for table in view.tables)
SHOWN: Final = 100
"""Differing rows that are listed per table."""
_CRC_VERSION: Final = 18
"""The first PostgreSQL version that computes CRC-32, by which keys are assigned to partitions."""


@dataclass(frozen=True)
class RowDifference:
    """A row that differs. `subject` is None in a table without one; `columns` are those that differ, and
    empty for a row that only one generation has."""

    table: str
    tenant: str
    subject: str | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What was compared: the number of rows, the number of (table, partition) parts whose checksums differ,
    and the differences, at most SHOWN per table."""

    rows: int
    differing_parts: int
    differences: tuple[RowDifference, ...]


class Comparer:
    """Compares two generations in the snapshots of two connections, which must be of one moment."""

    def __init__(
        self,
        connections: tuple[DatabaseConnection, DatabaseConnection],
        numbers: tuple[int, int],
        partitions: int,
    ) -> None:
        """Both connections act as the owner and have a transaction with the same exported snapshot."""
        self._connections, self._schemas = connections, (schema_of(numbers[0]), schema_of(numbers[1]))
        self._partitions = partitions
        self._now = datetime.now(UTC)

    async def compare(self, table: str) -> Comparison:
        """Compare one table. Columns that only one of the generations has are left out."""
        columns = await self._columns(table)
        left, right = [
            await self._checksums(connection, schema, table, columns)
            for connection, schema in zip(self._connections, self._schemas, strict=True)
        ]
        parts = [part for part in left.keys() | right.keys() if left.get(part) != right.get(part)]
        rows = sum(count for count, _ in right.values())
        found = await self._differences(table, columns) if parts else ()
        return Comparison(rows, len(parts), tuple(found))

    async def _columns(self, table: str) -> list[str]:
        rows = await self._connections[0].fetch(_query("columns"), list(self._schemas), table)
        return [row["name"] for row in rows]

    async def _checksums(
        self, connection: DatabaseConnection, schema: str, table: str, columns: Sequence[str]
    ) -> dict[Any, tuple[int, Any]]:
        expired = await self._expired(connection, schema) if table == "log_entry" else None
        text = fill(
            _query("checksums"),
            part=self._part(columns),
            columns=", ".join(f"t.{column}" for column in columns),
            table=f"{schema}.{table}",
            expired="" if expired is None else _NOT_EXPIRED,
        )
        rows = await connection.fetch(text, *(expired or ()))
        return {row["part"]: (row["rows"], row["checksum"]) for row in rows}

    def _part(self, columns: Sequence[str]) -> str:
        if "partition" in columns:
            return "t.partition"
        if "subject" not in columns:
            return "0"
        if self._connections[0].get_server_version().major < _CRC_VERSION:
            return f"abs(hashtext(t.tenant || '/' || t.subject) % {self._partitions})"
        return f"crc32(convert_to(t.tenant || '/' || t.subject, 'UTF8')) % {self._partitions}"

    async def _expired(self, connection: DatabaseConnection, schema: str) -> tuple[list[str], list[str]]:
        """The tenants that do not keep log entries for ever, and the first entry that each still shows."""
        rows = await connection.fetch(
            fill(load("projections.log_entry")["read_retentions"], setting=f"{schema}.setting")
        )
        return (
            [row["tenant"] for row in rows],
            [first_id(self._now - timedelta(days=row["days"])) for row in rows],
        )

    async def _differences(self, table: str, columns: Sequence[str]) -> list[RowDifference]:
        left, right = self._schemas
        keys = [row["name"] for row in await self._connections[0].fetch(_query("keys"), right, table)]
        texts = [f"CASE WHEN l.{one} IS DISTINCT FROM r.{one} THEN '{one}' END" for one in columns]
        text = fill(
            _query("differences"),
            left=f"{left}.{table}",
            right=f"{right}.{table}",
            same=" AND ".join(f"l.{key} = r.{key}" for key in keys),
            subject="coalesce(l.subject, r.subject)" if "subject" in columns else "NULL::text",
            columns=", ".join(texts),
            differ=" OR ".join(f"l.{one} IS DISTINCT FROM r.{one}" for one in columns),
            limit=str(SHOWN),
        )
        return [
            RowDifference(
                table, row["tenant"], row["subject"], tuple(row["columns"]) if row["in_both"] else ()
            )
            for row in await self._connections[0].fetch(text)
        ]


_NOT_EXPIRED: Final = (
    "WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS e (tenant, oldest)"
    " WHERE e.tenant = t.tenant AND t.log_id < e.oldest)"
)


def _query(name: str) -> str:
    return load("services.rebuild", "comparison.sql")[name]


async def in_one_snapshot(first: asyncpg.Connection, second: asyncpg.Connection) -> None:
    """Begin a transaction on each connection; both see the database as it is now."""
    await first.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    snapshot = await first.fetchval("SELECT pg_export_snapshot()")
    await second.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    await second.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
