"""The keys of gateways: secrets whose signatures count for the logins of a tenant."""

from datetime import timedelta

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def add_key(
    connection: DatabaseConnection, tenant: str, gateway: str, name: str, wrapped_secret: bytes
) -> None:
    """Add the first or the next secret of a gateway."""
    await connection.execute(_query("add"), gateway, tenant, name, wrapped_secret)


async def end_keys(connection: DatabaseConnection, tenant: str, gateway: str, after: timedelta) -> str | None:
    """Let every secret of a gateway that counts now end after a while. Return the gateway's name, None if it
    has no secret that counts."""
    name: str | None = await connection.fetchval(_query("end"), tenant, gateway, after)
    return name


async def list_keys(connection: DatabaseConnection, tenant: str | None = None) -> list[asyncpg.Record]:
    """Return the secrets of one tenant's or all gateways without the secrets themselves: `tenant`, `gateway`,
    `name`, `number`, `created_at`, `ends_at`."""
    return await connection.fetch(_query("list"), tenant)


async def read_current_keys(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return the secrets of all gateways whose signatures may count on a record that the topic still retains:
    `gateway`, `tenant`, `secret` (wrapped), `ends_at`."""
    return await connection.fetch(_query("read_current"))


def _query(name: str) -> str:
    return load("services.ledger.keys", "gateway_keys.sql")[name]
