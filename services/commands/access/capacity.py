"""Checks the limit of roles and permissions, and makes the events that assign them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.events import (
    PermissionsAssigned,
    PermissionsData,
    PermissionsRemoved,
    RolesAssigned,
    RolesData,
    RolesRemoved,
)
from services.commands.decision import Draft


@dataclass(frozen=True, slots=True)
class AssignmentPlan:
    """The ids to add, and the ids of deleted roles or permissions to remove before."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def plan_assignment(
    held: Mapping[str, Any], existing: Collection[str], requested: Sequence[str], limit: int
) -> AssignmentPlan | None:
    """Plan the assignment of the `requested` ids to a user or role that has `held`; None if it would have
    more than `limit` of those that exist.

    Deleted ids are only removed where they would exceed the limit, because the fold does not know that they
    are deleted.
    """
    added = tuple(each for each in dict.fromkeys(requested) if each not in held)
    removed = tuple(each for each in held if each not in existing)
    if len(held) - len(removed) + len(added) > limit and added:
        return None
    return AssignmentPlan(added, removed if added and len(held) + len(added) > limit else ())


def role_assignment_events(plan: AssignmentPlan) -> list[Draft]:
    """Return the events of a planned assignment of roles."""
    drafts = [Draft(RolesRemoved, RolesData(roles=plan.removed))] if plan.removed else []
    if plan.added:
        drafts.append(Draft(RolesAssigned, RolesData(roles=plan.added)))
    return drafts


def permission_assignment_events(plan: AssignmentPlan, names: Mapping[str, tuple[str, str]]) -> list[Draft]:
    """Return the events of a planned assignment of permissions; `names` has the API and the name of each."""
    drafts = [Draft(PermissionsRemoved, PermissionsData(permissions=plan.removed))] if plan.removed else []
    if plan.added:
        data = PermissionsData(permissions=plan.added, names=tuple(names[each] for each in plan.added))
        drafts.append(Draft(PermissionsAssigned, data))
    return drafts
