"""The inputs of commands that change users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events import MetadataMerge


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to create in a connection; None for absent values. A given `user_id` becomes the id at the
    provider."""

    connection: str
    email: str | None = None
    phone_number: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    user_id: str | None = None
    email_verified: bool | None = None
    phone_verified: bool | None = None
    blocked: bool | None = None
    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None
    nickname: str | None = None
    picture: str | None = None
    user_metadata: Mapping[str, Any] | None = None
    app_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class UserEdit:
    """Changes of a user: `values` maps a property to its new value, None to remove it; all others remain.

    `connection` names the identity to change, None for the primary one. `merge` says how metadata is merged.
    """

    values: Mapping[str, Any] = field(repr=False)
    connection: str | None = None
    merge: MetadataMerge = "first_level"

    def given(self, name: str) -> bool:
        """Return whether the property is to be changed or removed."""
        return name in self.values

    def get(self, name: str) -> Any:
        """Return the new value of a property; None if it is removed or unchanged."""
        return self.values.get(name)
