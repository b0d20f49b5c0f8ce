"""Entries of a document's `identities`."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.formats.exact_json import same


def identity_of(connection: str, provider: str, idp_id: str | int, *, is_social: bool) -> dict[str, Any]:
    """An entry without profile data."""
    return {"connection": connection, "user_id": idp_id, "provider": provider, "isSocial": is_social}


def identity_key(provider: str, idp_id: str | int) -> str:
    """What identities are told apart by."""
    return f"{provider}|{idp_id}"


def is_same_identity(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both are of one account at one provider."""
    return one["provider"] == other["provider"] and str(one["user_id"]) == str(other["user_id"])


def with_identity(
    identities: list[dict[str, Any]], seen: dict[str, Any], *, keep_entry: bool = False
) -> list[dict[str, Any]]:
    """The identities with this one as it was seen; with `keep_entry` only its profile data changes."""
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
    """What is known of this identity so far."""
    known = next((one for one in identities if is_same_identity(one, identity)), {})
    found: dict[str, Any] = known.get("profileData", {})
    return found
