"""Refresh tokens that have not ended, as the views have them: of each client the 200 newest of a person.

A row has the columns of `views.refresh_token`.
"""

from collections.abc import Collection

import asyncpg

from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def refresh_tokens_of(
    connection: DatabaseConnection,
    tenant: str,
    subject: str,
    after: str,
    limit: int,
    client_id: str | None = None,
) -> list[asyncpg.Record]:
    """Return the refresh tokens of a person, at one client where it is named, whose ids follow `after`, by
    id."""
    return await connection.fetch(_query("refresh_tokens_of"), tenant, subject, after, limit, client_id)


async def count_refresh_tokens_of(connection: DatabaseConnection, tenant: str, subject: str) -> int:
    """Return how many refresh tokens of all clients `refresh_tokens_of` would go through."""
    count: int = await connection.fetchval(_query("count_refresh_tokens_of"), tenant, subject)
    return count


async def find_refresh_token(
    connection: DatabaseConnection, tenant: str, token_id: str
) -> asyncpg.Record | None:
    """Return the refresh token of this id with the `user_id` of its user, None if there is none. Where
    several people had one of this id, it is the newest."""
    return await find_row(connection, _query("find_refresh_token"), tenant, token_id)


async def owners_of_refresh_tokens(
    connection: DatabaseConnection, tenant: str, token_ids: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return which of these refresh tokens, ended or not, each user has: user_id -> ids."""
    rows = await connection.fetch(_query("owners_of_refresh_tokens"), tenant, list(token_ids))
    return {row["user_id"]: tuple(row["ids"]) for row in rows}


def _query(name: str) -> str:
    return load("services.queries.sessions", "refresh_tokens.sql")[name]
