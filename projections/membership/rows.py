"""Changes of the lists of members by applied events."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from projections.applied import Applied
from projections.profile.changes.access import assignments_of

KINDS: Final[Mapping[str, str]] = {"roles": "role", "organizations": "organization"}
"""The associations that have rows in `membership`, and the kind of these rows."""


class MembershipKey(NamedTuple):
    """The key of a row of `membership`."""

    tenant: str
    kind: str
    target: str
    subject: str


def changes(applied: Sequence[Applied]) -> dict[MembershipKey, str | None]:
    """Return, for every changed row, the start of the membership; None if the row is deleted."""
    found: dict[MembershipKey, str | None] = {}
    for one in applied:
        if one.before is None or one.after is None or one.before.associations is one.after.associations:
            continue
        for name, kind in KINDS.items():
            before, after = assignments_of(one.before, name), assignments_of(one.after, name)
            for target in (name for name in before if name not in after):
                found[MembershipKey(one.event.tenant, kind, target, one.event.subject)] = None
            for target in (name for name in after if name not in before):
                found[MembershipKey(one.event.tenant, kind, target, one.event.subject)] = after[target]["at"]
    return found
