"""Tenants, and what is known of the connections that logins of theirs name."""

from collections.abc import Collection, Sequence

import asyncpg

from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def add_tenant(connection: DatabaseConnection, name: str, display_name: str, strict: bool) -> bool:
    """Add a tenant; `strict` ones take no logins through unknown connections. Return False, and add nothing,
    if the name is taken."""
    return await connection.fetchval(_query("add"), name, display_name, strict) is not None


async def tenant_exists(connection: DatabaseConnection, name: str) -> bool:
    """Return whether there is a tenant of this name."""
    exists: bool = await connection.fetchval(_query("exists"), name)
    return exists


async def list_tenants(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return all tenants by name: `name`, `display_name`, `strict_connections`, `created_at`."""
    return await connection.fetch(_query("list"))


async def tenant_names(connection: DatabaseConnection) -> list[str]:
    """Return the names of all tenants, sorted."""
    return [row["name"] for row in await connection.fetch(_query("list_names"))]


async def connections_of_tenant(
    connection: DatabaseConnection, tenant: str, names: Collection[str]
) -> list[asyncpg.Record]:
    """Return a row for each connection name of a tenant, whether there is such a connection or not: `name`,
    `tenant_known`, `strict`, `strategy` (None for an unknown connection), `maps_identity`, `deleted`."""
    return await connection.fetch(_query("connections_of_tenant"), tenant, list(names))


async def connections_of_tenants(
    connection: DatabaseConnection, pairs: Sequence[tuple[str, str]]
) -> list[asyncpg.Record]:
    """Return a row for each (tenant, connection name), whether there is such a connection or not: `tenant`,
    `name`, `tenant_known`, `strict_connections`, `id` (None for an unknown connection), `strategy`,
    `document`, `deleted`, `default_picture`."""
    tenants, names = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return await connection.fetch(_query("connections_of_tenants"), tenants, names)


def _query(name: str) -> str:
    return load("services.ledger", "tenants.sql")[name]
