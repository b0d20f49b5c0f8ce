"""The history of users: which records of the log the audit trail covers, and where those of a user are."""

from schemas.formats.positions import Position
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def find_subject(connection: DatabaseConnection, tenant: str, user_id: str) -> str | None:
    """Return the subject of a user, None if the user does not exist or was deleted; for operators."""
    subject: str | None = await connection.fetchval(_query("find_subject"), tenant, user_id)
    return subject


async def record_positions(connection: DatabaseConnection, tenant: str, subject: str) -> list[Position]:
    """Return where the records of a subject that are audited lie on the log, in the order of the log."""
    rows = await connection.fetch(_query("record_positions"), tenant, subject)
    return [Position(row["partition"], row["log_offset"]) for row in rows]


async def audited_offset(connection: DatabaseConnection, partition: int) -> int | None:
    """Return the offset after the last audited record of a partition, None if none is audited; for
    operators."""
    row = await connection.fetchrow(_trail("newest_appends"), [partition])
    return None if row is None else row["next_offset"]


async def audited_offsets(connection: DatabaseConnection) -> dict[int, int]:
    """Return the offset after the last audited record of each partition that has one; for operators."""
    rows = await connection.fetch(_trail("newest_appends_everywhere"))
    return {row["partition"]: row["next_offset"] for row in rows}


def _trail(name: str) -> str:
    return load("projections.trail")[name]


def _query(name: str) -> str:
    return load("services.queries", "history.sql")[name]
