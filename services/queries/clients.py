"""API clients as the view has them."""

from collections.abc import Callable
from dataclasses import replace

import asyncpg

from projections.client.fold import ClientState
from projections.client.row import client_of
from schemas.sealing.keys import Keyring
from services.queries.opener import opener_for
from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection


async def list_clients(
    connection: DatabaseConnection, keyring: Keyring, tenant: str
) -> tuple[list[ClientState], Callable[[ClientState], ClientState]]:
    """Return the clients of a tenant that are not deleted, with their secrets sealed, and a function that
    returns one of them with its secrets open."""
    rows = await connection.fetch(_query("list_clients"), tenant)
    texts = {row["client_id"]: row["settings"] for row in rows}
    opener = await opener_for(connection, keyring, tenant, texts.values())

    def opened(client: ClientState) -> ClientState:
        return replace(client, settings=opener.document(texts[client.client_id], "client", client.client_id))

    return [client_of(row) for row in rows], opened


async def find_client(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, client_id: str
) -> ClientState | None:
    """Return a client with its secrets open, None if it does not exist or was deleted."""
    row = await find_row(connection, _query("find_client"), tenant, client_id)
    if row is None or row["deleted"]:
        return None
    opener = await opener_for(connection, keyring, tenant, [row["settings"]])
    return client_of(row, opener.document(row["settings"], "client", client_id))


async def find_client_event(connection: DatabaseConnection, tenant: str, client_id: str) -> str | None:
    """Return the id of the event that a client, deleted or not, was last changed by; None if there never was
    one of this id."""
    row = await connection.fetchrow(_query("find_client"), tenant, client_id)
    return None if row is None else str(row["event_id"])


async def find_client_of_any_tenant(connection: DatabaseConnection, client_id: str) -> asyncpg.Record | None:
    """Return the client that asks for a token, whatever its tenant: `tenant`, `secret_hash`, `scopes`,
    `settings`; None if there is none. The connection sees this client's row until the caller's transaction
    ends."""
    await connection.execute(_query("speak_for_client"), client_id)
    return await connection.fetchrow(_query("find_client_of_any_tenant"), client_id)


async def list_client_summaries(
    connection: DatabaseConnection, tenant: str | None = None
) -> list[asyncpg.Record]:
    """Return what operators may see of the clients of a tenant, or of all tenants: `tenant`, `client_id`,
    `name`, `scopes`; by tenant and name."""
    return await connection.fetch(_query("list_client_summaries"), tenant)


async def find_client_scopes(connection: DatabaseConnection, tenant: str, client_id: str) -> list[str] | None:
    """Return the scopes of a client, None if it does not exist or was deleted; for operators."""
    scopes: list[str] | None = await connection.fetchval(_query("find_client_scopes"), tenant, client_id)
    return scopes


def _query(name: str) -> str:
    return load("services.queries", "clients.sql")[name]
