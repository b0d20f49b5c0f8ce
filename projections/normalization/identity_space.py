"""Which connections share identities: one belongs to the connection that first brought it, and another
connection of its strategy may use it only where both name the same identity space in their options."""

from collections.abc import Mapping
from typing import Any, Final

from projections.normalization.model import ConnectionSettings

OPTION: Final = "identity_space"


def space_of(options: Mapping[str, Any]) -> str | None:
    """The identity space that a connection's options name, or None if they name none."""
    named = options.get(OPTION)
    return named if isinstance(named, str) and named else None


def may_use(connection: ConnectionSettings, owner: ConnectionSettings | None) -> bool:
    """Whether logins through the connection may use an identity of the other one, which may be unknown."""
    if owner is None or owner.strategy != connection.strategy:
        return False
    space = space_of(connection.options)
    return space is not None and space == space_of(owner.options)
