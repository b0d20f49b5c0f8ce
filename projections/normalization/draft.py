"""The state of a login while it is mapped."""

from dataclasses import dataclass, field
from typing import Any

from projections.normalization.claims.paths import Found, Path
from projections.normalization.overrides import MappingContext


@dataclass(slots=True)
class ProfileDraft:
    """The attributes so far, their sources, and the parts of the claims that are used up.

    `denied` are attributes that must not be stored; `email_path` is where the e-mail address was found.
    """

    scope: MappingContext
    denied: frozenset[str]
    used: set[Path]
    attributes: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    email_path: Path = ()

    def take(self, name: str, found: Found | None) -> None:
        """Set an attribute to `found`, unless that is None."""
        if found is None:
            return
        self.attributes[name] = found.value
        self.sources[name] = self.scope.spelled(found)
        self.used.add(found.used)
        if name == "email":
            self.email_path = found.path

    def make_up(self, name: str, value: Any, made_from: str) -> None:
        """Set an attribute to a default that no claim gave."""
        self.attributes[name] = value
        self.sources[name] = f"default:{made_from}"
