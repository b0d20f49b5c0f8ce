"""A person's roles, direct permissions and organizations, each with the time and the actor of its
assignment."""

from collections.abc import Mapping
from typing import Any, Final

from projections.profile.memory import is_refused, refuse
from projections.profile.revisions import revise
from projections.profile.state import Profile
from schemas.events import (
    OrganizationJoined,
    OrganizationLeft,
    PermissionsAssigned,
    PermissionsRemoved,
    RolesAssigned,
    RolesRemoved,
)
from schemas.formats.instants import render

AccessEvent = (
    RolesAssigned
    | RolesRemoved
    | PermissionsAssigned
    | PermissionsRemoved
    | OrganizationJoined
    | OrganizationLeft
)
MOST: Final[Mapping[str, int]] = {"roles": 50, "permissions": 1000}
"""The maximum number of assignments of each kind (fact sheet §0.4), including deleted roles and
permissions."""
_GIVES: Final[Mapping[type[Any], str]] = {
    RolesAssigned: "roles",
    PermissionsAssigned: "permissions",
    OrganizationJoined: "organizations",
}
_TAKES: Final[Mapping[type[Any], str]] = {
    RolesRemoved: "roles",
    PermissionsRemoved: "permissions",
    OrganizationLeft: "organizations",
}


def granted(profile: Profile, event: AccessEvent) -> Profile:
    """Return the profile after assignments and removals. If the command is refused, only the memory
    changes."""
    expected = event.data.expected_revision
    stale = expected is not None and expected != profile.revision
    if profile.document is None or stale or is_refused(profile, event):
        return refuse(profile, event)
    kind = _GIVES.get(type(event))
    if kind is None:
        kind, targets = _TAKES[type(event)], frozenset(event.data.targets)
        kept = {name: mark for name, mark in assignments_of(profile, kind).items() if name not in targets}
        return revise(profile, **{kind: kept})
    mark = {"at": render(event.time), "by": event.actor}
    after = {**dict.fromkeys(event.data.targets, mark), **assignments_of(profile, kind)}
    return (
        refuse(profile, event)
        if len(after) > MOST.get(kind, len(after))
        else revise(profile, **{kind: after})
    )


def assignments_of(profile: Profile, kind: str) -> Mapping[str, Mapping[str, str]]:
    """Return the person's assignments of a kind: id -> `{at, by}`, the time and the actor of the
    assignment."""
    found: Mapping[str, Mapping[str, str]] = profile.associations.get(kind, {})
    return found
