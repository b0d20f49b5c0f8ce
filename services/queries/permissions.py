"""The tenant's roles, APIs and permissions, as far as a request needs them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from projections.setting.fold import Setting
from services.commands.access.permissions import API_ID_LENGTH, Catalogue, Permission, Role, apis_of
from services.management.http.requests import Call
from services.management.roles.models import Permission as Asked
from services.queries.settings import find_settings
from services.runtime.rejection import Rejected, Rejection

NO_SUCH_ROLE: Final = Rejection("not_found", "The role does not exist.")
NO_SUCH_API: Final = Rejection("not_found", "The resource server does not exist.")
NO_SUCH_PERMISSION: Final = Rejection("not_found", "The permission does not exist.")
ELSEWHERE: Final = ("publish:logins", "read:events", "read:dead_letters")
"""Scopes of other services that tokens of this audience open."""


async def catalogue(
    call: Call, permission_ids: Iterable[str] = (), identifiers: Collection[str] = ()
) -> Catalogue:
    """The permissions of the APIs these belong to, and of those with these identifiers."""
    ids, own = apis_of(permission_ids), system_api(call)
    async with call.service.database.connection(call.tenant) as connection:
        found = await find_settings(
            connection, call.service.keyring, call.tenant, "resource_server", ids, identifiers
        )
    apis: list[Mapping[str, Any]] = [api.document for api in found]
    return Catalogue([*apis, own] if own["id"] in ids or own["identifier"] in identifiers else apis)


async def roles(call: Call, ids: Collection[str]) -> list[Setting]:
    """Those of these roles that there are, by name."""
    async with call.service.database.connection(call.tenant) as connection:
        return await find_settings(connection, call.service.keyring, call.tenant, "role", ids)


def role_of(setting: Setting) -> Role:
    """A role with what it permits."""
    permissions = tuple(setting.document.get("permissions", ()))
    return Role(setting.id, setting.document["name"], permissions, role_shown(setting))


def role_shown(setting: Setting) -> dict[str, Any]:
    """A role as it is answered."""
    description = setting.document.get("description")
    return {
        "id": setting.id,
        "name": setting.document["name"],
        "description": description or "",
        "type": setting.document.get("type", "tenant"),
    }


def asked_for(known: Catalogue, asked: Iterable[Asked]) -> list[Permission]:
    """The permissions of these names, each once. Raises Rejected (404) for an API or a permission there is
    none."""
    found: dict[str, Permission] = {}
    for each in asked:
        if each.resource_server_identifier not in known.identifiers:
            raise Rejected(NO_SUCH_API)
        permission = known.named(each.resource_server_identifier, each.permission_name)
        if permission is None:
            raise Rejected(NO_SUCH_PERMISSION)
        found[permission.id] = permission
    return list(found.values())


def system_api(call: Call) -> dict[str, Any]:
    """The Management API itself, as an API with every scope there is."""
    audience = call.service.settings.token_audience
    operations = call.request.app.state.operations
    scopes = {scope for each in operations for text in each.scopes for scope in text.split()}
    return {
        "id": hashlib.sha256(audience.encode()).hexdigest()[:API_ID_LENGTH],
        "name": "Vita Management API",
        "identifier": audience,
        "is_system": True,
        "scopes": [
            {"value": scope, "description": _described(scope), "number": scope}
            for scope in sorted({*scopes, *ELSEWHERE})
        ],
    }


def _described(scope: str) -> str:
    verb, _, noun = scope.partition(":")
    return f"{verb.capitalize()} {noun.replace('_', ' ')}"
