"""Looks up a row by a key that a caller gave, which may be a text that PostgreSQL cannot hold."""

import asyncpg

from services.runtime.postgres.pool import DatabaseConnection


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can hold this text: it holds every character but U+0000."""
    return "\x00" not in text


async def find_row(
    connection: DatabaseConnection, query: str, tenant: str, *key: str
) -> asyncpg.Record | None:
    """Return the first row of a query whose parameters are a tenant and a key; None if there is no row, or if
    PostgreSQL cannot hold the key."""
    return await connection.fetchrow(query, tenant, *key) if all(map(is_storable, key)) else None
