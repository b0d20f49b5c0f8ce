"""Merges a patch into user_metadata or app_metadata (fact sheet §4.3)."""

from collections.abc import Mapping
from typing import Any

from schemas.events import MetadataMerge


def merged(current: Mapping[str, Any], patch: Mapping[str, Any], merge: MetadataMerge) -> dict[str, Any]:
    """Return the metadata after a patch.

    At the first level, keys are replaced, null removes a key, and an empty patch removes all. Deep merging
    follows RFC 7396: objects are merged recursively, and an empty patch changes nothing.
    """
    if merge == "deep":
        return _deep(current, patch)
    if not patch:
        return {}
    return {name: value for name, value in {**current, **patch}.items() if value is not None}


def _deep(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(current)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            inner = after.get(name)
            after[name] = _deep(inner if isinstance(inner, dict) else {}, value)
        else:
            after[name] = value
    return after
