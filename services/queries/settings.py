"""Reads the settings of tenants: roles, APIs, organizations, client grants and other documents.

Every function except `read_attribute_profiles` expects a connection that can access the tenant, and decrypts
the secrets in the documents.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import asyncpg

from projections.setting.fold import Kind, Setting
from projections.setting.row import setting_of
from schemas.formats import exact_json
from schemas.sealing.keys import Keyring
from services.queries.opener import opener_for
from services.runtime.postgres.lookup import find_row
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

TENANT_SETTINGS: Final = "settings"
"""The id of the only setting of the kind `tenant`."""


async def find_setting(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, kind: Kind, identity: str
) -> Setting | None:
    """Return the setting with this id, or None if it does not exist or was deleted."""
    row = await find_row(connection, _query("find_setting"), tenant, kind, identity)
    return None if row is None else (await _opened(connection, keyring, tenant, [row]))[0]


async def find_setting_by_name(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, kind: Kind, name: str
) -> Setting | None:
    """Return the setting with this name, or None if it does not exist or was deleted."""
    rows = await connection.fetch(_query("find_setting_by_name"), tenant, kind, name)
    return next(iter(await _opened(connection, keyring, tenant, rows)), None)


async def list_settings(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, kind: Kind
) -> list[Setting]:
    """Return all settings of a kind that are not deleted, sorted by name."""
    rows = await connection.fetch(_query("list_settings"), tenant, kind)
    return await _opened(connection, keyring, tenant, rows)


async def find_settings(
    connection: DatabaseConnection,
    keyring: Keyring,
    tenant: str,
    kind: Kind,
    ids: Collection[str] = (),
    names: Collection[str] = (),
) -> list[Setting]:
    """Return the settings with these ids or names that exist and are not deleted, sorted by name."""
    query = _query("find_settings")
    rows = await connection.fetch(query, tenant, kind, list(ids), list(names)) if ids or names else []
    return await _opened(connection, keyring, tenant, rows)


async def find_setting_event(
    connection: DatabaseConnection, tenant: str, kind: Kind, identity: str
) -> str | None:
    """Return the id of the event that last changed a setting, which may be deleted; None if the setting never
    existed."""
    found = await connection.fetchval(_query("find_setting_event"), tenant, kind, identity)
    return None if found is None else str(found)


async def read_attribute_profiles(
    connection: DatabaseConnection, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the documents of these user attribute profiles by (tenant, id). Profiles that do not exist are
    left out. The documents contain no secrets."""
    columns = [key[0] for key in keys], [key[1] for key in keys]
    rows = await connection.fetch(_query("read_attribute_profiles"), *columns)
    return {(row["tenant"], row["id"]): exact_json.loads(row["document"]) for row in rows}


async def log_retention_days(connection: DatabaseConnection, tenant: str) -> int | None:
    """Return for how many days the tenant keeps log entries; None if there is no limit."""
    days: int | None = await connection.fetchval(_query("log_retention"), tenant)
    return days


async def _opened(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, rows: Sequence[asyncpg.Record]
) -> list[Setting]:
    opener = await opener_for(connection, keyring, tenant, (row["document"] for row in rows))
    return [
        setting_of(row, opener.document(row["document"], "setting", row["kind"], row["id"])) for row in rows
    ]


def _query(name: str) -> str:
    return load("services.queries", "settings.sql")[name]
