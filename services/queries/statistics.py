"""Statistics of a tenant."""

from datetime import date, datetime

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def count_active_users(connection: DatabaseConnection, tenant: str, since: datetime) -> int:
    """Return how many users have signed in since a time."""
    number: int = await connection.fetchval(_query("count_active_users"), tenant, since)
    return number


async def daily_counts(
    connection: DatabaseConnection, tenant: str, first: date, last: date
) -> list[asyncpg.Record]:
    """Return a row for each day, from the first to the last one, on which something happened: `date`,
    `logins`, `signups`, `leaked_passwords`, `created_at`, `updated_at`."""
    return await connection.fetch(_query("daily_counts"), tenant, first, last)


def _query(name: str) -> str:
    return load("services.queries", "statistics.sql")[name]
