"""Deletion, and what brings a deleted profile back (design D11).

What a deleted person had is set aside under `DELETED` among the secrets, so that it is sealed with the
person's key as a whole: no list and no search shows it, and it cannot be read after the key is destroyed. A
new profile of the person, made by a login or a creation, takes its place.
"""

from collections.abc import Mapping
from typing import Any, Final

from projections.profile.changes.links import (
    command_of,
    commands_of,
    ended,
    is_turned_down,
    links_of,
    merged_into,
)
from projections.profile.document import ordered
from projections.profile.memory import refuse
from projections.profile.revisions import advance
from projections.profile.sealed import MERGED
from projections.profile.state import Profile
from schemas.events import UserDeleted, UserUndeleted
from schemas.formats.instants import render

DELETED: Final = "deleted"
"""Among the secrets: what a deleted person had."""


def set_aside_by_deletion(profile: Profile) -> Mapping[str, Any] | None:
    """Return what a deleted person had.

    `command` is the deletion; `group` the subject of the primary user where linked users were deleted
    together, else None; `document` is None for a linked user; `secrets`, `associations`, `provenance`,
    `marks` and `linked` are as in the profile.

    None if the person lives, was never there, was deleted before this was kept, or has no key any more.
    """
    return None if profile.document is not None else profile.secrets.get(DELETED)


def deleted(profile: Profile, event: UserDeleted) -> Profile:
    """Return the profile after the deletion, with the former content set aside. People whose identities are
    linked are deleted together or not at all."""
    group = merged_into(profile) or (event.subject if links_of(profile) else None)
    is_absent = profile.document is None and group is None
    if is_absent or event.data.together_with != group or is_turned_down(profile, event):
        return refuse(profile, event)
    memory = profile.memory
    kept = {
        "command": command_of(event),
        "group": group,
        "document": None if profile.document is None else ordered(profile.document),
        "secrets": dict(profile.secrets),
        "associations": _opened(profile.associations),
        "provenance": dict(memory.provenance),
        "marks": dict(memory.marks),
        "linked": dict(memory.linked),
    }
    if group is not None:
        memory = ended(memory, [*commands_of(profile), command_of(event)])
    memory = memory._replace(provenance={}, marks={}, linked={}, deleted_at=render(event.time))
    return Profile(profile.revision + 1, None, memory, {DELETED: kept})


def undeleted(profile: Profile, event: UserUndeleted) -> Profile:
    """Return the person as before the deletion that the event names; refused if there is another profile by
    now."""
    kept = set_aside_by_deletion(profile)
    if kept is None or kept["command"] != event.data.deletion or is_turned_down(profile, event):
        return refuse(profile, event)
    memory = profile.memory._replace(
        provenance=kept["provenance"], marks=kept["marks"], linked=kept["linked"], deleted_at=None
    )
    revision, secrets, associations = profile.revision, kept["secrets"], kept["associations"]
    if kept["document"] is None:
        return Profile(revision + 1, None, memory, secrets, associations)
    back = Profile(revision, None, memory, secrets, associations)
    return advance(back, dict(kept["document"]), render(event.time))


def _opened(associations: Mapping[str, Any]) -> dict[str, Any]:
    """The associations with the secrets of a merged profile opened, since everything is sealed together."""
    merged = associations.get(MERGED)
    if merged is None:
        return dict(associations)
    return {**associations, MERGED: {**merged, "secrets": dict(merged["secrets"])}}
