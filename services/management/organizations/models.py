"""Requests of the organizations endpoints."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import MOST_AT_ONCE, Body, Given, Uri
from services.management.http.models.paging import AnyPage
from services.management.http.models.query import Selected
from services.management.roles.models import Text

Name = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
DisplayName = Annotated[str, Field(min_length=1, max_length=255), SAFE]
Color = Annotated[str, Field(pattern=r"^#(?:[0-9a-fA-F]{3}){1,2}$")]
MetadataKey = Annotated[str, Field(min_length=1, max_length=255)]
MetadataValue = Annotated[str, Field(max_length=255)]
Metadata = Annotated[dict[MetadataKey, MetadataValue | None], Field(max_length=25)]

NAME = "The name of this organization."
DISPLAY_NAME = "Friendly name of this organization."
METADATA = "Metadata associated with the organization; at most 25 texts of at most 255 characters."


class Colors(Body):
    """Colors of the login pages."""

    primary: Color = Field(description="HEX Color for primary elements.", examples=["#0059d6"])
    page_background: Color = Field(description="HEX Color for background.", examples=["#000000"])


class Branding(Body):
    """The style of the login pages."""

    logo_url: Annotated[Uri | None, Given] = Field(None, description="URL of logo to display on login page.")
    colors: Annotated[Colors | None, Given] = Field(
        None, description="Color scheme used to customize the login pages."
    )


class OrganizationBody(Body):
    """The properties that requests to create and to change an organization share."""

    display_name: Annotated[DisplayName | None, Given] = Field(
        None, description=DISPLAY_NAME, examples=["Acme Inc."]
    )
    branding: Annotated[Branding | None, Given] = Field(
        None, description="Theme defines how to style the login pages."
    )
    metadata: Annotated[Metadata | None, Given] = Field(None, description=METADATA)
    token_quota: dict[str, Any] | None = Field(None, description="Stored and returned; not enforced.")
    third_party_client_access: Literal["block", "allow"] | None = Field(
        None, description="Stored and returned; not enforced."
    )
    is_app_entitlement_active: bool | None = Field(None, description="Stored and returned; not enforced.")


class CreateOrganization(OrganizationBody):
    """A new organization, without members."""

    name: Name = Field(description=NAME, examples=["acme"])
    enabled_connections: list[dict[str, Any]] | None = Field(
        None, description="Stored and returned; an organization's connections are not restricted."
    )


class UpdateOrganization(OrganizationBody):
    """The properties to change; metadata is replaced as a whole."""

    at_least = 1

    name: Annotated[Name | None, Given] = Field(None, description=NAME, examples=["acme"])


class ListOrganizations(AnyPage):
    """A page of organizations, sorted by name."""

    sort: Literal["name:1"] | None = Field(None, description="Only sorting by name is supported.")


class Members(Body):
    """The users to add or to remove."""

    members: Annotated[list[Text], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="List of user IDs of the members.", examples=[["auth0|63d17c4a8869daf88ed7db97"]]
    )


class ListMembers(AnyPage, Selected):
    """A page of members. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)
