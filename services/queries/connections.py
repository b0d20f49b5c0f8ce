"""Connections as the view has them.

A row has `id`, `name`, `strategy`, `revision`, `document`, `event_id` and `deleted`; secrets in the document
are sealed until `open_documents` opens them.
"""

from collections.abc import Collection, Sequence

import asyncpg

from projections.secret_leaves import holds_sealed
from schemas.sealing.keys import Keyring
from services.queries.opener import opener_for
from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.postgres.tenant_pool import TenantPool


def connections_by_name(database: TenantPool) -> RowLoader:
    """Return the loader of connections by name, with the tenant's `default_picture`; deleted ones are left
    out."""
    return RowLoader(database, _query("connections_by_name"))


async def find_connection(
    connection: DatabaseConnection, tenant: str, connection_id: str, *, deleted: bool = False
) -> asyncpg.Record | None:
    """Return the connection of this id, None if there is none; one that was deleted only with `deleted`."""
    row = await find_row(connection, _query("find_connection"), tenant, connection_id)
    return None if row is None or (row["deleted"] and not deleted) else row


async def list_connections(
    connection: DatabaseConnection,
    tenant: str,
    strategies: Collection[str] = (),
    name: str | None = None,
    *,
    limit: int,
    offset: int = 0,
    after: str = "",
) -> list[asyncpg.Record]:
    """Return a page of connections by name, whose names follow `after`: `id`, `name`, `document`. Without
    strategies those of all."""
    return await connection.fetch(
        _query("list_connections"), tenant, after, list(strategies) or None, name, limit, offset
    )


async def count_connections(
    connection: DatabaseConnection, tenant: str, strategies: Collection[str] = (), name: str | None = None
) -> int:
    """Return how many connections `list_connections` would go through."""
    query = _query("count_connections")
    count: int = await connection.fetchval(query, tenant, list(strategies) or None, name)
    return count


async def connection_ids(
    connection: DatabaseConnection, tenant: str, names: Collection[str]
) -> dict[str, str]:
    """Return the ids of those of these connections that exist and are not deleted: name -> id."""
    rows = await connection.fetch(_query("connection_ids"), tenant, list(names))
    return {row["name"]: row["id"] for row in rows}


async def open_documents(
    database: TenantPool, keyring: Keyring, tenant: str, rows: Sequence[asyncpg.Record]
) -> list[str]:
    """Return the documents of rows with the secrets in them open. The database is asked for the key only
    where a document holds a secret. Raises Transient."""
    texts = [row["document"] for row in rows]
    if not any(map(holds_sealed, texts)):
        return texts
    async with database.connection(tenant) as connection:
        opener = await opener_for(connection, keyring, tenant, texts)
    return [opener.text(row["document"], "connection", row["id"]) for row in rows]


def _query(name: str) -> str:
    return load("services.queries", "connections.sql")[name]
