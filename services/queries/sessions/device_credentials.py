"""Device credentials: public keys of devices, and refresh tokens seen as such."""

from typing import NamedTuple

import asyncpg

from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


class CredentialFilter(NamedTuple):
    """Whose credentials are meant, for which client and of which type; None for any, but rotating refresh
    tokens are found by their type only."""

    user_id: str | None = None
    client_id: str | None = None
    type: str | None = None


async def list_device_credentials(
    connection: DatabaseConnection, tenant: str, narrowed: CredentialFilter, limit: int, offset: int
) -> list[asyncpg.Record]:
    """Return a page of device credentials by id: `id`, `device_name`, `device_id`, `type`, `user_id`,
    `client_id`."""
    query = _query("list_device_credentials")
    return await connection.fetch(query, tenant, *narrowed, limit, offset)


async def count_device_credentials(
    connection: DatabaseConnection, tenant: str, narrowed: CredentialFilter
) -> int:
    """Return how many credentials `list_device_credentials` would go through."""
    count: int = await connection.fetchval(_query("count_device_credentials"), tenant, *narrowed)
    return count


async def owner_of_public_key(connection: DatabaseConnection, tenant: str, credential_id: str) -> str | None:
    """Return the user_id of whose public key this is, None if there is no such key."""
    row = await find_row(connection, _query("owner_of_public_key"), tenant, credential_id)
    return None if row is None else row["user_id"]


async def has_public_key(
    connection: DatabaseConnection, tenant: str, subject: str, device_id: str, client_id: str | None
) -> bool:
    """Return whether a person has a public key for this device and client."""
    known: bool = await connection.fetchval(_query("has_public_key"), tenant, subject, device_id, client_id)
    return known


def _query(name: str) -> str:
    return load("services.queries.sessions", "device_credentials.sql")[name]
