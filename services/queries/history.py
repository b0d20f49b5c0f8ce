"""The history of a user: where the audit trail says that its records lie on the log."""

import asyncpg

from schemas.formats.positions import Position
from services.runtime.postgres.named_queries import load


async def find_subject(connection: asyncpg.Connection, tenant: str, user_id: str) -> str | None:
    """Return the subject of a user, None if the user does not exist or was deleted; for operators."""
    subject: str | None = await connection.fetchval(_query("find_subject"), tenant, user_id)
    return subject


async def record_positions(connection: asyncpg.Connection, tenant: str, subject: str) -> list[Position]:
    """Return where the records of a subject that are audited lie on the log, in the order of the log."""
    rows = await connection.fetch(_query("record_positions"), tenant, subject)
    return [Position(row["partition"], row["log_offset"]) for row in rows]


def _query(name: str) -> str:
    return load("services.queries", "history.sql")[name]
