"""The permissions of APIs and roles, and their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_OF_A_ROLE: Final = 1000
"""The maximum number of permissions of a role (fact sheet §0.4)."""


@dataclass(frozen=True, slots=True)
class NewScope:
    """A permission that an API defines."""

    value: str
    description: str | None = None


def numbered(scopes: Sequence[NewScope], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `scopes` of an API that had `before`, and `numbers`, the number of ids assigned so far."""
    numbers: dict[str, int] = {scope["value"]: scope["number"] for scope in before.get("scopes", ())}
    given: int = before.get("numbers", 0)
    found: dict[str, dict[str, Any]] = {}
    for scope in scopes:
        if scope.value not in numbers:
            given = numbers[scope.value] = given + 1
        described = {} if scope.description is None else {"description": scope.description}
        found[scope.value] = {"value": scope.value, **described, "number": numbers[scope.value]}
    return {"scopes": list(found.values()), "numbers": given}
