"""What a metadata patch does to what a user document shows."""

from collections.abc import Mapping
from typing import Any, Literal

Metadata = Literal["user_metadata", "app_metadata"]


def patch_changes(name: str, current: Mapping[str, Any] | None, patch: Mapping[str, Any]) -> bool:
    """Whether the patch (merged at the first level, null removes, `{}` wipes) changes what is shown."""
    before = dict(current or {})
    if not patch:
        return bool(before) or (name == "user_metadata" and current is None)
    after = {key: value for key, value in {**before, **patch}.items() if value is not None}
    return after != before or any(type(after[key]) is not type(before[key]) for key in after)
