"""Assigns and removes roles, permissions and organizations, decided on the user's associations."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from projections.profile.changes.access import MOST
from schemas.events import (
    OrganizationData,
    OrganizationJoined,
    OrganizationLeft,
    PermissionsData,
    PermissionsRemoved,
    RolesData,
    RolesRemoved,
)
from services.commands.access.capacity import (
    permission_assignment_events,
    plan_assignment,
    role_assignment_events,
)
from services.commands.decision import UNCHANGED, Acceptance, Decision, Draft
from services.queries.permissions import NO_SUCH_ROLE, PermissionCatalogue, find_permissions
from services.runtime.rejection import invalid

ROLES_FULL: Final = invalid("No more roles can be assigned to this user.")
PERMISSIONS_FULL: Final = invalid("No more permissions can be assigned to this user.")
Associations = Mapping[str, Any]
PermissionName = tuple[str, str]
"""The identifier of the API, and the name of the permission there."""


def assign_roles(
    associations: Associations, existing: Collection[str], requested: Collection[str]
) -> Decision:
    """Assign roles, all or none of them; `existing` are those of the held and requested roles that exist."""
    if not {*existing} >= {*requested}:
        return NO_SUCH_ROLE
    plan = plan_assignment(associations.get("roles", {}), existing, list(requested), MOST["roles"])
    return ROLES_FULL if plan is None else Acceptance(tuple(role_assignment_events(plan)))


def remove_roles(associations: Associations, requested: Iterable[str]) -> Decision:
    """Remove those of these roles that the user has."""
    held = associations.get("roles", {})
    roles = tuple(each for each in dict.fromkeys(requested) if each in held)
    return Acceptance((Draft(RolesRemoved, RolesData(roles=roles)),)) if roles else UNCHANGED


def assign_permissions(
    associations: Associations, known: PermissionCatalogue, requested: Iterable[PermissionName]
) -> Decision:
    """Assign permissions directly, all or none of them. Raises Rejected for one that does not exist."""
    held = associations.get("permissions", {})
    permissions = find_permissions(known, requested)
    names = {each.id: (each.api_identifier, each.name) for each in permissions}
    existing = {each.id for each in known.existing(held)}
    plan = plan_assignment(held, existing, list(names), MOST["permissions"])
    return PERMISSIONS_FULL if plan is None else Acceptance(tuple(permission_assignment_events(plan, names)))


def remove_permissions(
    associations: Associations, known: PermissionCatalogue, requested: Collection[PermissionName]
) -> Decision:
    """Remove those of these permissions that the user has directly; permissions through roles remain."""
    held = associations.get("permissions", {})
    found = [each for name in sorted(requested) if (each := known.named(*name)) and each.id in held]
    if not found:
        return UNCHANGED
    data = PermissionsData(
        permissions=tuple(each.id for each in found),
        names=tuple((each.api_identifier, each.name) for each in found),
    )
    return Acceptance((Draft(PermissionsRemoved, data),))


def join(associations: Associations, organization: str) -> Decision:
    """Join an organization."""
    if organization in associations.get("organizations", {}):
        return UNCHANGED
    return Acceptance((Draft(OrganizationJoined, OrganizationData(organization=organization)),))


def leave(associations: Associations, organization: str) -> Decision:
    """Leave an organization."""
    if organization not in associations.get("organizations", {}):
        return UNCHANGED
    return Acceptance((Draft(OrganizationLeft, OrganizationData(organization=organization)),))
