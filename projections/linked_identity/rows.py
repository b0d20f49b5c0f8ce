"""The rows of a person's further identities, with the values by which they are found."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from projections.applied import Applied
from projections.profile.state import Profile
from projections.search.value import INDEXED_CHARACTERS
from schemas.formats.exact_json import same

Subject = tuple[str, str]
"""(tenant, subject)"""


class LinkedIdentity(NamedTuple):
    """A row, in column order after tenant and subject."""

    provider: str
    idp_id: str
    connection: str
    email_folded: str | None
    username: str | None
    phone_number: str | None


def changes(applied: Sequence[Applied]) -> dict[Subject, list[LinkedIdentity]]:
    """Return the people whose further identities changed, each with all current ones."""
    found: dict[Subject, list[LinkedIdentity]] = {}
    for one in applied:
        if one.before is None or one.after is None or one.before.document is one.after.document:
            continue
        before, after = _further(one.before), _further(one.after)
        if not same(before, after):
            found[one.event.tenant, one.event.subject] = [_row(identity) for identity in after]
    return found


def _further(profile: Profile) -> list[Mapping[str, Any]]:
    identities: list[Mapping[str, Any]] = (profile.document or {}).get("identities", [])
    return identities[1:]


def _row(identity: Mapping[str, Any]) -> LinkedIdentity:
    data = identity.get("profileData", {})
    email = _text(data.get("email"))
    return LinkedIdentity(
        identity["provider"],
        str(identity["user_id"]),
        identity["connection"],
        None if email is None else email.lower(),
        _text(data.get("username")),
        _text(data.get("phone_number")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= INDEXED_CHARACTERS else None
