"""Permissions: what an API knows them by, what they are shown as, and who has which from where.

A permission's id is its API's id and a number that the API gives once: a permission that was taken out of its
API, or whose API was deleted, is gone for everybody for ever, whatever is made under the same name later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.management.resource_servers.models import Scope

API_ID_LENGTH: Final = 24
MOST_OF_A_ROLE: Final = 1000
"""Permissions (fact sheet §0.4)."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission that there is."""

    id: str
    name: str
    description: str | None
    api_name: str
    api_identifier: str

    @property
    def place(self) -> str:
        """Where it stands in lists: by name."""
        return f"{self.name} {self.api_identifier}"

    def shown(self) -> dict[str, Any]:
        """As it is answered, without its sources."""
        return {
            "permission_name": self.name,
            "description": self.description,
            "resource_server_name": self.api_name,
            "resource_server_identifier": self.api_identifier,
        }


class Catalogue:
    """The permissions of some APIs, by id and by name."""

    def __init__(self, apis: Iterable[Mapping[str, Any]]) -> None:
        self.identifiers: set[str] = set()
        self._by_id: dict[str, Permission] = {}
        self._by_name: dict[tuple[str, str], Permission] = {}
        for api in apis:
            self.identifiers.add(api["identifier"])
            for scope in api["scopes"]:
                found = Permission(
                    f"{api['id']}.{scope['number']}",
                    scope["value"],
                    scope.get("description"),
                    api.get("name", ""),
                    api["identifier"],
                )
                self._by_id[found.id] = self._by_name[found.api_identifier, found.name] = found

    def named(self, identifier: str, name: str) -> Permission | None:
        """The permission of this name."""
        return self._by_name.get((identifier, name))

    def living(self, ids: Iterable[str]) -> list[Permission]:
        """Those of these permissions that there still are, by name."""
        found = (self._by_id[each] for each in ids if each in self._by_id)
        return sorted(found, key=lambda permission: permission.place)


def apis_of(permission_ids: Iterable[str]) -> set[str]:
    """The ids of the APIs these permissions belong to."""
    return {each[:API_ID_LENGTH] for each in permission_ids}


def numbered(scopes: Sequence[Scope], before: Mapping[str, Any]) -> dict[str, Any]:
    """The `scopes` of an API that had `before`, and `numbers`, how many were ever given out."""
    numbers: dict[str, int] = {scope["value"]: scope["number"] for scope in before.get("scopes", ())}
    given: int = before.get("numbers", 0)
    found: dict[str, dict[str, Any]] = {}
    for scope in scopes:
        if scope.value not in numbers:
            given = numbers[scope.value] = given + 1
        described = {} if scope.description is None else {"description": scope.description}
        found[scope.value] = {"value": scope.value, **described, "number": numbers[scope.value]}
    return {"scopes": list(found.values()), "numbers": given}


@dataclass(frozen=True, slots=True)
class Role:
    """As much of a role as matters to those who have it."""

    id: str
    name: str
    permissions: tuple[str, ...]
    shown: Mapping[str, Any]


def with_sources(
    catalogue: Catalogue, direct: Iterable[str], roles: Sequence[Role]
) -> list[tuple[Permission, list[dict[str, str]]]]:
    """Everything somebody may do, by name, with where each comes from: directly first, then roles by name."""
    sources: dict[str, list[dict[str, str]]] = {
        each: [{"source_id": "", "source_name": "", "source_type": "DIRECT"}] for each in direct
    }
    for role in roles:
        for each in role.permissions:
            source = {"source_id": role.id, "source_name": role.name, "source_type": "ROLE"}
            sources.setdefault(each, []).append(source)
    return [(permission, sources[permission.id]) for permission in catalogue.living(sources)]
