"""Events about a user's roles, direct permissions and organization memberships."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.configuration import SettingId
from schemas.events.fields import OPEN, PROFILE, CommandData

PermissionId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}\.[!#-\[\]-~]{1,280}$")]
"""`<API id>.<permission's id within that API>`. An id is never used again for another permission."""


class RolesData(CommandData):
    """The ids of the roles."""

    roles: Annotated[tuple[SettingId, ...], OPEN] = Field(min_length=1)

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the ids of the roles that are assigned or removed."""
        return self.roles


class RolesAssigned(Envelope):
    """Roles were assigned to a user. Roles that the user already had are unaffected."""

    type: Literal["profile.roles.assigned"] = "profile.roles.assigned"
    dataversion: Literal[1] = 1
    data: RolesData


class RolesRemoved(Envelope):
    """Roles were removed from a user."""

    type: Literal["profile.roles.removed"] = "profile.roles.removed"
    dataversion: Literal[1] = 1
    data: RolesData


class PermissionsData(CommandData):
    """The ids of the permissions, and the names they had then as `[identifier of the API, name]`."""

    permissions: Annotated[tuple[PermissionId, ...], PROFILE] = Field(min_length=1)
    names: Annotated[tuple[tuple[str, str], ...], PROFILE] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the ids of the permissions that are assigned or removed."""
        return self.permissions


class PermissionsAssigned(Envelope):
    """Permissions were assigned to a user directly rather than through a role."""

    type: Literal["profile.permissions.assigned"] = "profile.permissions.assigned"
    dataversion: Literal[1] = 1
    data: PermissionsData


class PermissionsRemoved(Envelope):
    """Directly assigned permissions were removed. Permissions through roles are unaffected."""

    type: Literal["profile.permissions.removed"] = "profile.permissions.removed"
    dataversion: Literal[1] = 1
    data: PermissionsData


class OrganizationData(CommandData):
    """The id of the organization."""

    organization: Annotated[SettingId, OPEN]

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the id of the organization that is joined or left."""
        return (self.organization,)


class OrganizationJoined(Envelope):
    """A user became a member of an organization."""

    type: Literal["profile.organization.joined"] = "profile.organization.joined"
    dataversion: Literal[1] = 1
    data: OrganizationData


class OrganizationLeft(Envelope):
    """A user is no longer a member of an organization."""

    type: Literal["profile.organization.left"] = "profile.organization.left"
    dataversion: Literal[1] = 1
    data: OrganizationData
