"""The order of keys in a user document (spec §17)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


def ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with `user_id` first, then the other keys alphabetically, then `username` and
    `app_metadata`."""
    return {key: document[key] for key in _order(tuple(document))}


@lru_cache(maxsize=4096)
def _order(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(keys, key=_rank))


def _rank(key: str) -> tuple[int, str]:
    match key:
        case "user_id":
            return 0, key
        case "username":
            return 2, key
        case "app_metadata":
            return 3, key
    return 1, key
