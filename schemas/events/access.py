"""What a person may do and belongs to: roles, permissions of their own, organizations."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.configuration import SettingId
from schemas.events.fields import OPEN, PROFILE, CommandData

PermissionId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}\.[!#-\[\]-~]{1,280}$")]
"""The id of an API, a dot, and what the API knows one of its permissions by; never used for another one."""


class RolesData(CommandData):
    """Which roles, by id."""

    roles: Annotated[tuple[SettingId, ...], OPEN] = Field(min_length=1)

    @property
    def targets(self) -> tuple[str, ...]:
        """What is given or taken."""
        return self.roles


class RolesAssigned(Envelope):
    """Roles given to a person; those they had already stay as they are."""

    type: Literal["profile.roles.assigned"] = "profile.roles.assigned"
    dataversion: Literal[1] = 1
    data: RolesData


class RolesRemoved(Envelope):
    """Roles taken from a person."""

    type: Literal["profile.roles.removed"] = "profile.roles.removed"
    dataversion: Literal[1] = 1
    data: RolesData


class PermissionsData(CommandData):
    """Which permissions, by id, and what each was called then: `[identifier of its API, its name]`."""

    permissions: Annotated[tuple[PermissionId, ...], PROFILE] = Field(min_length=1)
    names: Annotated[tuple[tuple[str, str], ...], PROFILE] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """What is given or taken."""
        return self.permissions


class PermissionsAssigned(Envelope):
    """Permissions given to a person directly, not through a role."""

    type: Literal["profile.permissions.assigned"] = "profile.permissions.assigned"
    dataversion: Literal[1] = 1
    data: PermissionsData


class PermissionsRemoved(Envelope):
    """Permissions of a person's own taken away; what their roles give stays."""

    type: Literal["profile.permissions.removed"] = "profile.permissions.removed"
    dataversion: Literal[1] = 1
    data: PermissionsData


class OrganizationData(CommandData):
    """Which organization."""

    organization: Annotated[SettingId, OPEN]

    @property
    def targets(self) -> tuple[str, ...]:
        """What is joined or left."""
        return (self.organization,)


class OrganizationJoined(Envelope):
    """A person made a member of an organization."""

    type: Literal["profile.organization.joined"] = "profile.organization.joined"
    dataversion: Literal[1] = 1
    data: OrganizationData


class OrganizationLeft(Envelope):
    """A person is no member of an organization any more."""

    type: Literal["profile.organization.left"] = "profile.organization.left"
    dataversion: Literal[1] = 1
    data: OrganizationData
