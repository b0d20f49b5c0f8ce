"""Requests about roles, permissions and the APIs that permissions belong to (fact sheet §4.6, §18)."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.management.models.fields import Body, Given, QueryBoolean, QueryInteger
from services.management.models.paging import AnyPage, CheckpointPage
from services.management.models.users import Query

Identifier = Annotated[str, Field(min_length=1, max_length=600)]
PermissionName = Annotated[str, Field(min_length=1, max_length=280, pattern=r"^[!#-\[\]-~]+$")]
RoleName = Annotated[str, Field(min_length=1, max_length=255)]
Description = Annotated[str, Field(max_length=500)]
ApiName = Annotated[str, Field(max_length=200, pattern=r"^[^<>]*$")]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Lifetime = Annotated[int, Field(ge=0, le=2_592_000)]
MOST_AT_ONCE = 1000

ROLE_NAME = "Name of the role."
ROLE_DESCRIPTION = "Description of the role."
IDENTIFIER = "Resource server (API) identifier that this permission is for."
PERMISSION_NAME = "Name of this permission."
SCOPES = "List of permissions (scopes) that this API uses."
API_NAME = "Friendly name for this resource server. Can not contain < or > characters."


class CreateRole(Body):
    """A role nobody has yet."""

    name: RoleName = Field(description=ROLE_NAME, examples=["Reader"])
    description: Description | None = Field(None, description=ROLE_DESCRIPTION)
    type: Annotated[Literal["tenant"] | None, Given] = Field(
        None, description="The type of the role: roles belong to the whole tenant."
    )


class UpdateRole(Body):
    """What may change of a role."""

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
    """Permissions to be given or taken."""

    permissions: Annotated[list[Permission], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="array of resource_server_identifier, permission_name pairs."
    )


class RoleIds(Body):
    """Roles to be given or taken."""

    roles: Annotated[list[Text], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="List of roles IDs to associate with the user.", examples=[["rol_c5zI4XDdzzbD0qav"]]
    )


class UserIds(Body):
    """Users to be given a role."""

    users: Annotated[list[Text], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="user_id's of the users to assign the role to.",
        examples=[["auth0|63d17c4a8869daf88ed7db97"]],
    )


class Scope(Body):
    """A permission that an API knows."""

    value: PermissionName = Field(description="Value of this scope.", examples=["read:invoices"])
    description: Annotated[Description | None, Given] = Field(
        None, description="User-friendly description of this scope.", examples=["Read invoices"]
    )


class ApiSettings(Body):
    """What creating and changing an API have in common."""

    name: Annotated[ApiName | None, Given] = Field(None, description=API_NAME, examples=["Invoices"])
    scopes: Annotated[Annotated[list[Scope], Field(max_length=MOST_AT_ONCE)] | None, Given] = Field(
        None, description=SCOPES
    )
    signing_alg: Annotated[Literal["HS256", "RS256", "RS512", "PS256"] | None, Given] = Field(
        None, description="Algorithm used to sign JWTs."
    )
    allow_offline_access: Annotated[bool | None, Given] = Field(
        None, description="Whether refresh tokens can be issued for this API."
    )
    token_lifetime: Annotated[Lifetime | None, Given] = Field(
        None, description="Expiration value (in seconds) for access tokens issued for this API."
    )
    token_dialect: Annotated[
        Literal["access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"] | None,
        Given,
    ] = Field(None, description="Dialect of access tokens issued for this API.")
    skip_consent_for_verifiable_first_party_clients: Annotated[bool | None, Given] = Field(
        None, description="Whether to skip user consent for applications flagged as first party."
    )
    enforce_policies: Annotated[bool | None, Given] = Field(
        None, description="Whether authorization policies are enforced."
    )


class CreateApi(ApiSettings):
    """A new API; its identifier stays for ever."""

    identifier: Identifier = Field(
        description="Unique identifier for the API used as the audience parameter on authorization calls.",
        examples=["https://api.example.com"],
    )


class UpdateApi(ApiSettings):
    """`scopes` replaces the whole list; permissions that are not in it any more are gone for everybody."""

    at_least = 1


class ListApis(AnyPage):
    """A page of APIs."""

    identifiers: tuple[str, ...] = Field((), description="Only the APIs with these identifiers.")


class GetApi(Query):
    """Parameters it does not name are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    include_fields: QueryBoolean = Field(
        True, description="Whether specified fields are to be included (true) or excluded (false)."
    )


class Effective(CheckpointPage):
    """A page after a cursor, of any length."""

    take: Annotated[QueryInteger, Field(ge=1)] | None = Field(
        None, description="Number of results per page. Defaults to 50."
    )


class EffectivePermissions(Effective):
    """Of one API."""

    resource_server_identifier: Identifier = Field(description=IDENTIFIER)


class PermissionSources(EffectivePermissions):
    """Of one permission."""

    permission_name: Annotated[str, Field(min_length=1, max_length=280)] = Field(description=PERMISSION_NAME)
