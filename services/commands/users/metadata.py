"""The effect of a metadata patch on a user document."""

from collections.abc import Mapping
from typing import Any

from projections.profile.changes.metadata import merged
from schemas.events import MetadataMerge
from schemas.formats.exact_json import same


def patch_changes(
    name: str, current: Mapping[str, Any] | None, patch: Mapping[str, Any], merge: MetadataMerge
) -> bool:
    """Whether the shown document changes: an empty `user_metadata` is shown, an empty `app_metadata` is
    not."""
    after = merged(current or {}, patch, merge)
    if not after and name == "app_metadata":
        return bool(current)
    return current is None or not same(dict(current), after)
