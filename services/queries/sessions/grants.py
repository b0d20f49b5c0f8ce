"""Grants: what applications may do for users."""

from typing import NamedTuple

import asyncpg

from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


class GrantFilter(NamedTuple):
    """Whose grants are meant, for which client and audience; None for any."""

    user_id: str | None = None
    client_id: str | None = None
    audience: str | None = None


async def list_grants(
    connection: DatabaseConnection, tenant: str, narrowed: GrantFilter, limit: int, offset: int
) -> list[asyncpg.Record]:
    """Return a page of grants by id: `id`, `client_id`, `user_id`, `audience`, `scope`, `organization_id`."""
    return await connection.fetch(_query("list_grants"), tenant, *narrowed, limit, offset)


async def count_grants(connection: DatabaseConnection, tenant: str, narrowed: GrantFilter) -> int:
    """Return how many grants `list_grants` would go through."""
    count: int = await connection.fetchval(_query("count_grants"), tenant, *narrowed)
    return count


async def owner_of_grant(connection: DatabaseConnection, tenant: str, grant_id: str) -> str | None:
    """Return the user_id of whose grant this is, None if there is no such grant."""
    row = await find_row(connection, _query("owner_of_grant"), tenant, grant_id)
    return None if row is None else row["user_id"]


def _query(name: str) -> str:
    return load("services.queries.sessions", "grants.sql")[name]
