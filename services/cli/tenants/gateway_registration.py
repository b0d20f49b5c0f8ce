"""Gateways created, rotated, revoked and listed by the operator."""

import secrets
import string
from datetime import timedelta
from typing import Any, Final

import asyncpg

from schemas.formats.instants import render
from schemas.logins.signature import new_secret, shown_secret
from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger import tenants
from services.ledger.keys import gateway_keys

_LETTERS: Final = string.ascii_letters + string.digits


async def add_gateway(ledger: Ledger, tenant: str, name: str) -> dict[str, Any]:
    """A new gateway with its first secret. Raises CommandFailed without the tenant."""
    gateway = "gw_" + "".join(secrets.choice(_LETTERS) for _ in range(16))
    async with operator(ledger.url) as connection:
        if not await tenants.tenant_exists(connection, tenant):
            raise CommandFailed(
                f"there is no tenant {tenant}", f"create it with `vita tenants create {tenant}`"
            )
        return await _add_secret(connection, ledger, tenant, gateway, name)


async def rotate_gateway(ledger: Ledger, tenant: str, gateway: str, overlap: timedelta) -> dict[str, Any]:
    """One more secret of a gateway; the others end after the overlap. Raises CommandFailed without it."""
    async with operator(ledger.url) as connection, connection.transaction():
        name = await _end(connection, tenant, gateway, overlap)
        return await _add_secret(connection, ledger, tenant, gateway, name)


async def revoke_gateway(ledger: Ledger, tenant: str, gateway: str) -> None:
    """No secret of the gateway counts any more. Raises CommandFailed without it."""
    async with operator(ledger.url) as connection:
        await _end(connection, tenant, gateway, timedelta(0))


async def gateways(ledger: Ledger, tenant: str | None) -> list[dict[str, Any]]:
    """Every gateway with its secrets' numbers and times."""
    async with operator(ledger.url) as connection:
        rows = await gateway_keys.list_keys(connection, tenant)
    times = ("created_at", "ends_at")
    return [
        dict(row) | {name: None if row[name] is None else render(row[name]) for name in times} for row in rows
    ]


async def _end(connection: asyncpg.Connection, tenant: str, gateway: str, after: timedelta) -> str:
    name = await gateway_keys.end_keys(connection, tenant, gateway, after)
    if name is None:
        raise CommandFailed(
            f"tenant {tenant} has no gateway {gateway} with a secret that counts",
            f"`vita gateways list --tenant {tenant}` shows those there are",
        )
    return name


async def _add_secret(
    connection: asyncpg.Connection, ledger: Ledger, tenant: str, gateway: str, name: str
) -> dict[str, Any]:
    ring, secret = await keyring(connection, ledger.key_provider), new_secret()
    wrapped = ring.wrap_secret(secret, tenant, gateway)
    await gateway_keys.add_key(connection, tenant, gateway, name, wrapped)
    return {"tenant": tenant, "name": name, "gateway": gateway, "secret": shown_secret(secret)}
