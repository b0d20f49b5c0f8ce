"""A login half-way through the mapping."""

from dataclasses import dataclass, field
from typing import Any

from projections.normalization.claims.paths import Found, Path
from projections.normalization.overrides import Scope


@dataclass(slots=True)
class Draft:
    """The attributes so far, where each came from, and the parts of the claims used up.

    `denied` are the names that must not be stored; `email_path` is where the address was found.
    """

    scope: Scope
    denied: frozenset[str]
    used: set[Path]
    attributes: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    email_path: Path = ()

    def take(self, name: str, found: Found | None) -> None:
        """Sets an attribute to what was found, if anything was."""
        if found is None:
            return
        self.attributes[name] = found.value
        self.sources[name] = self.scope.spelled(found)
        self.used.add(found.used)
        if name == "email":
            self.email_path = found.path

    def make_up(self, name: str, value: Any, made_from: str) -> None:
        """Sets an attribute that no claim gave."""
        self.attributes[name] = value
        self.sources[name] = f"default:{made_from}"
