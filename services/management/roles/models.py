"""Requests about roles and permissions (fact sheet §4.6, §18)."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import MOST_AT_ONCE, Body, Given, QueryInteger
from services.management.http.models.paging import AnyPage, CheckpointPage
from services.management.resource_servers.models import Description, Identifier, PermissionName

RoleName = Annotated[str, Field(min_length=1, max_length=255), SAFE]
Text = Annotated[str, Field(min_length=1, max_length=300)]

ROLE_NAME = "Name of the role."
ROLE_DESCRIPTION = "Description of the role."
IDENTIFIER = "Resource server (API) identifier that this permission is for."
PERMISSION_NAME = "Name of this permission."


class CreateRole(Body):
    """A new role without members."""

    name: RoleName = Field(description=ROLE_NAME, examples=["Reader"])
    description: Description | None = Field(None, description=ROLE_DESCRIPTION)
    type: Annotated[Literal["tenant"] | None, Given] = Field(
        None, description="The type of the role: roles belong to the whole tenant."
    )


class UpdateRole(Body):
    """The properties to change."""

    at_least = 1

    name: Annotated[RoleName | None, Given] = Field(None, description=ROLE_NAME, examples=["Reader"])
    description: Description | None = Field(None, description=ROLE_DESCRIPTION)


class ListRoles(AnyPage):
    """A page of roles."""

    name_filter: str | None = Field(None, description="Optional filter on name (case-insensitive).")
    type: Literal["tenant", "organization"] | None = Field(
        None, description="Optional filter on the type of the role."
    )
    owner_id: str | None = Field(None, description="Filter organization-level roles by owner ID.")


class Permission(Body):
    """One permission of one API."""

    resource_server_identifier: Identifier = Field(
        description=IDENTIFIER, examples=["https://api.example.com"]
    )
    permission_name: PermissionName = Field(description=PERMISSION_NAME, examples=["read:invoices"])


class Permissions(Body):
    """The permissions to assign or to remove."""

    permissions: Annotated[list[Permission], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="array of resource_server_identifier, permission_name pairs."
    )

    def names(self) -> list[tuple[str, str]]:
        """Return the identifier of the API and the name of each permission."""
        return [(each.resource_server_identifier, each.permission_name) for each in self.permissions]


class RoleIds(Body):
    """The roles to assign or to remove."""

    roles: Annotated[list[Text], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="List of roles IDs to associate with the user.", examples=[["rol_c5zI4XDdzzbD0qav"]]
    )


class UserIds(Body):
    """The users to assign a role to."""

    users: Annotated[list[Text], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="user_id's of the users to assign the role to.",
        examples=[["auth0|63d17c4a8869daf88ed7db97"]],
    )


class Effective(CheckpointPage):
    """A page after a cursor."""

    take: Annotated[QueryInteger, Field(ge=1)] | None = Field(
        None, description="Number of results per page. Defaults to 50."
    )


class EffectivePermissions(Effective):
    """A page of a user's permissions at one API."""

    resource_server_identifier: Identifier = Field(description=IDENTIFIER)


class PermissionSources(EffectivePermissions):
    """A page of the sources of one permission."""

    permission_name: Annotated[str, Field(min_length=1, max_length=280)] = Field(description=PERMISSION_NAME)
