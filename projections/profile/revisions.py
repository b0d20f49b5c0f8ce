"""Advances the revision of a profile."""

from collections.abc import Mapping
from typing import Any

from projections.profile.state import Profile


def advance(profile: Profile, document: dict[str, Any], now: str) -> Profile:
    """Return the next revision with this document, which the profile takes over without a copy."""
    document["updated_at"] = max(now, document.get("updated_at", now))
    if document.get("app_metadata") == {}:
        del document["app_metadata"]
    return profile._replace(revision=profile.revision + 1, document=document)


def revise(profile: Profile, **associations: Any) -> Profile:
    """Return the next revision with these associations; an empty one is removed. The document, with its
    `updated_at`, does not change."""
    kept: Mapping[str, Any] = {
        name: value for name, value in {**profile.associations, **associations}.items() if value
    }
    return profile._replace(revision=profile.revision + 1, associations=kept)
