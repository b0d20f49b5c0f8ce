"""Sessions that have not ended, as the views have them.

A row has the columns of `views.session`. A session whose end is not known is returned for 30 days after it
was last seen.
"""

import asyncpg

from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def sessions_of(
    connection: DatabaseConnection, tenant: str, subject: str, after: str, limit: int
) -> list[asyncpg.Record]:
    """Return the sessions of a person whose ids follow `after`, by id."""
    return await connection.fetch(_query("sessions_of"), tenant, subject, after, limit)


async def count_sessions_of(connection: DatabaseConnection, tenant: str, subject: str) -> int:
    """Return how many sessions `sessions_of` would go through."""
    count: int = await connection.fetchval(_query("count_sessions_of"), tenant, subject)
    return count


async def find_session(connection: DatabaseConnection, tenant: str, session_id: str) -> asyncpg.Record | None:
    """Return the session of this id with the `user_id` of its user, None if there is none. Where several
    people had one of this id, it is the one last seen."""
    return await find_row(connection, _query("find_session"), tenant, session_id)


def _query(name: str) -> str:
    return load("services.queries.sessions", "sessions.sql")[name]
