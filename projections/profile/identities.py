"""Entries of a document's `identities`."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.formats.exact_json import same


def identity_of(connection: str, provider: str, idp_id: str | int, *, is_social: bool) -> dict[str, Any]:
    """Return an entry without profile data."""
    return {"connection": connection, "user_id": idp_id, "provider": provider, "isSocial": is_social}


def identity_key(provider: str, idp_id: str | int) -> str:
    """Return the key of an identity within a tenant."""
    return f"{provider}|{idp_id}"


def is_same_identity(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether both entries are of one account at one provider."""
    return one["provider"] == other["provider"] and str(one["user_id"]) == str(other["user_id"])


def with_identity(
    identities: list[dict[str, Any]], seen: dict[str, Any], *, keep_entry: bool = False
) -> list[dict[str, Any]]:
    """Return the identities with this one replaced or added; with `keep_entry` only its profile data is
    replaced."""
    if any(same(known, seen) for known in identities):
        return identities
    if keep_entry:
        return [
            {**known, "profileData": seen["profileData"]} if is_same_identity(known, seen) else known
            for known in identities
        ]
    if any(is_same_identity(known, seen) for known in identities):
        return [seen if is_same_identity(known, seen) else known for known in identities]
    return [*identities, seen]


def profile_data_of(identities: Sequence[Mapping[str, Any]], identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profile data of this identity; empty if there is none."""
    known = next((one for one in identities if is_same_identity(one, identity)), {})
    found: dict[str, Any] = known.get("profileData", {})
    return found
