"""Permissions of APIs, and the permissions of users with their sources.

A permission's id consists of the id of its API and a number that the API never reuses. After a permission is
removed from its API, or the API is deleted, no user has it, even if a permission with the same name is
created later.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from projections.setting.fold import Setting
from schemas.sealing.keys import Keyring
from services.queries.settings import find_settings
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.rejection import Rejected, Rejection

API_ID_LENGTH: Final = 24
NO_SUCH_ROLE: Final = Rejection("not_found", "The role does not exist.")
NO_SUCH_API: Final = Rejection("not_found", "The resource server does not exist.")
NO_SUCH_PERMISSION: Final = Rejection("not_found", "The permission does not exist.")
_SCOPES_OF_OTHER_SERVICES: Final = ("publish:logins", "read:events", "read:dead_letters")
"""Scopes for other services that tokens of the Management API's audience may have."""


@dataclass(frozen=True, slots=True)
class ApiPermission:
    """A permission of an API."""

    id: str
    name: str
    description: str | None
    api_name: str
    api_identifier: str

    @property
    def place(self) -> str:
        """The sort key of lists: the name, then the API."""
        return f"{self.name} {self.api_identifier}"

    def shown(self) -> dict[str, Any]:
        """Return the permission as JSON, without its sources."""
        return {
            "permission_name": self.name,
            "description": self.description,
            "resource_server_name": self.api_name,
            "resource_server_identifier": self.api_identifier,
        }


class PermissionCatalogue:
    """The permissions of some APIs, by id and by name."""

    def __init__(self, apis: Iterable[Mapping[str, Any]]) -> None:
        self.identifiers: set[str] = set()
        self._by_id: dict[str, ApiPermission] = {}
        self._by_name: dict[tuple[str, str], ApiPermission] = {}
        for api in apis:
            self.identifiers.add(api["identifier"])
            for scope in api["scopes"]:
                found = ApiPermission(
                    f"{api['id']}.{scope['number']}",
                    scope["value"],
                    scope.get("description"),
                    api.get("name", ""),
                    api["identifier"],
                )
                self._by_id[found.id] = self._by_name[found.api_identifier, found.name] = found

    def named(self, identifier: str, name: str) -> ApiPermission | None:
        """Return the permission of this API with this name; None if there is none."""
        return self._by_name.get((identifier, name))

    def existing(self, ids: Iterable[str]) -> list[ApiPermission]:
        """Return those of these permissions that still exist, sorted by name."""
        found = (self._by_id[each] for each in ids if each in self._by_id)
        return sorted(found, key=lambda permission: permission.place)


def apis_of(permission_ids: Iterable[str]) -> set[str]:
    """Return the ids of the APIs that these permissions belong to."""
    return {each[:API_ID_LENGTH] for each in permission_ids}


@dataclass(frozen=True, slots=True)
class RoleWithPermissions:
    """A role and the ids of its permissions."""

    id: str
    name: str
    permissions: tuple[str, ...]


def with_sources(
    catalogue: PermissionCatalogue, direct: Iterable[str], roles: Sequence[RoleWithPermissions]
) -> list[tuple[ApiPermission, list[dict[str, str]]]]:
    """Return each existing permission that a person has directly or through roles, sorted by name, with its
    sources: the direct assignment first, then the roles in their order."""
    sources: dict[str, list[dict[str, str]]] = {
        each: [{"source_id": "", "source_name": "", "source_type": "DIRECT"}] for each in direct
    }
    for role in roles:
        for each in role.permissions:
            source = {"source_id": role.id, "source_name": role.name, "source_type": "ROLE"}
            sources.setdefault(each, []).append(source)
    return [(permission, sources[permission.id]) for permission in catalogue.existing(sources)]


async def read_catalogue(
    connection: DatabaseConnection,
    keyring: Keyring,
    tenant: str,
    system: Mapping[str, Any],
    permission_ids: Iterable[str] = (),
    identifiers: Collection[str] = (),
) -> PermissionCatalogue:
    """Return the permissions of the APIs that these permissions belong to, and of the APIs with these
    identifiers. `system` is the Management API as returned by `system_api`."""
    ids = apis_of(permission_ids)
    found = await find_settings(connection, keyring, tenant, "resource_server", ids, identifiers)
    apis: list[Mapping[str, Any]] = [api.document for api in found]
    wanted = system["id"] in ids or system["identifier"] in identifiers
    return PermissionCatalogue([*apis, system] if wanted else apis)


async def find_roles(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, ids: Collection[str]
) -> list[Setting]:
    """Return those of these roles that exist, sorted by name."""
    return await find_settings(connection, keyring, tenant, "role", ids)


def role_of(setting: Setting) -> RoleWithPermissions:
    """Return a role with its permissions from its setting."""
    return RoleWithPermissions(
        setting.id, setting.document["name"], tuple(setting.document.get("permissions", ()))
    )


def find_permissions(known: PermissionCatalogue, names: Iterable[tuple[str, str]]) -> list[ApiPermission]:
    """Return the permissions with these (API identifier, name) pairs, without duplicates. Raises Rejected
    (`not_found`) if an API or a permission does not exist."""
    found: dict[str, ApiPermission] = {}
    for identifier, name in names:
        if identifier not in known.identifiers:
            raise Rejected(NO_SUCH_API)
        permission = known.named(identifier, name)
        if permission is None:
            raise Rejected(NO_SUCH_PERMISSION)
        found[permission.id] = permission
    return list(found.values())


def system_api(audience: str, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the Management API as an API document. `audience` is the audience of its tokens; its scopes are
    `scopes` and those of other services."""
    return {
        "id": hashlib.sha256(audience.encode()).hexdigest()[:API_ID_LENGTH],
        "name": "Vita Management API",
        "identifier": audience,
        "is_system": True,
        "scopes": [
            {"value": scope, "description": _described(scope), "number": scope}
            for scope in sorted({*scopes, *_SCOPES_OF_OTHER_SERVICES})
        ],
    }


def _described(scope: str) -> str:
    verb, _, noun = scope.partition(":")
    return f"{verb.capitalize()} {noun.replace('_', ' ')}"
