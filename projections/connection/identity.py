"""The options of a connection that determine which claim identifies a person."""

from collections.abc import Mapping
from typing import Any, Final

IDENTITY_OPTIONS: Final = frozenset(
    (
        "attribute_map",
        "fieldsMap",
        "map_user_id_to_id",
        "user_attribute_profile_id",
        "user_id_attribute",
        "userid_attribute",
    )
)


def maps_identity(document: Mapping[str, Any]) -> bool:
    """Whether the connection's own options may find an identity that its strategy alone does not find."""
    options = document.get("options")
    return isinstance(options, dict) and not IDENTITY_OPTIONS.isdisjoint(options)
