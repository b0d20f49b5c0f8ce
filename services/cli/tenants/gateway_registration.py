"""Creates, rotates, revokes and lists the keys of gateways in the ledger."""

import secrets
import string
from datetime import timedelta
from typing import Any, Final

from schemas.formats.instants import render
from schemas.logins.signature import new_secret, shown_secret
from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger import tenants
from services.ledger.keys import gateway_keys
from services.runtime.postgres.pool import DatabaseConnection

_LETTERS: Final = string.ascii_letters + string.digits


async def add_gateway(ledger: Ledger, tenant: str, name: str) -> dict[str, Any]:
    """Create a gateway and return it with its first secret. Raises CommandFailed when the tenant does not
    exist."""
    gateway = "gw_" + "".join(secrets.choice(_LETTERS) for _ in range(16))
    async with operator(ledger.url) as connection:
        if not await tenants.tenant_exists(connection, tenant):
            raise CommandFailed(
                f"there is no tenant {tenant}", f"create it with `vita tenants create {tenant}`"
            )
        return await _add_secret(connection, ledger, tenant, gateway, name)


async def rotate_gateway(ledger: Ledger, tenant: str, gateway: str, overlap: timedelta) -> dict[str, Any]:
    """Add a secret to a gateway and return it; the other secrets end after the overlap.

    Raises CommandFailed when the gateway does not exist or is revoked.
    """
    async with operator(ledger.url) as connection, connection.transaction():
        name = await _end(connection, tenant, gateway, overlap)
        return await _add_secret(connection, ledger, tenant, gateway, name)


async def revoke_gateway(ledger: Ledger, tenant: str, gateway: str) -> None:
    """Revoke all secrets of a gateway. Raises CommandFailed when it does not exist or is revoked."""
    async with operator(ledger.url) as connection:
        await _end(connection, tenant, gateway, timedelta(0))


async def gateways(ledger: Ledger, tenant: str | None) -> list[dict[str, Any]]:
    """Return every gateway with the numbers and times of its secrets."""
    async with operator(ledger.url) as connection:
        rows = await gateway_keys.list_keys(connection, tenant)
    times = ("created_at", "ends_at")
    return [
        dict(row) | {name: None if row[name] is None else render(row[name]) for name in times} for row in rows
    ]


async def _end(connection: DatabaseConnection, tenant: str, gateway: str, after: timedelta) -> str:
    name = await gateway_keys.end_keys(connection, tenant, gateway, after)
    if name is None:
        raise CommandFailed(
            f"tenant {tenant} has no gateway {gateway} with a valid secret",
            f"list them with `vita gateways list --tenant {tenant}`",
        )
    return name


async def _add_secret(
    connection: DatabaseConnection, ledger: Ledger, tenant: str, gateway: str, name: str
) -> dict[str, Any]:
    ring, secret = await keyring(connection, ledger.key_provider), new_secret()
    wrapped = ring.wrap_secret(secret, tenant, gateway)
    await gateway_keys.add_key(connection, tenant, gateway, name, wrapped)
    return {"tenant": tenant, "name": name, "gateway": gateway, "secret": shown_secret(secret)}
