"""Reads the roles, APIs and permissions that a request names."""

from collections.abc import Collection, Iterable

from projections.setting.fold import Setting
from services.management.http.requests import Call
from services.management.resource_servers.system_api import system_api
from services.queries.permissions import (
    PermissionCatalogue,
    find_roles,
    read_catalogue,
)


async def catalogue(
    call: Call, permission_ids: Iterable[str] = (), identifiers: Collection[str] = ()
) -> PermissionCatalogue:
    """Return the permissions of the APIs that these permissions belong to, and of the APIs with these
    identifiers. Raises Transient."""
    async with call.connection() as connection:
        return await read_catalogue(
            connection, call.keyring, call.tenant, system_api(call), permission_ids, identifiers
        )


async def roles(call: Call, ids: Collection[str]) -> list[Setting]:
    """Return those of these roles that exist, sorted by name. Raises Transient."""
    async with call.connection() as connection:
        return await find_roles(connection, call.keyring, call.tenant, ids)
