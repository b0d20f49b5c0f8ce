"""Requests of the user attribute profiles endpoints (fact sheet §18)."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import Body, Given
from services.management.http.models.results import Result

Name = Annotated[str, Field(min_length=1, max_length=128), SAFE]
Claim = Annotated[str, Field(min_length=1, max_length=512)]
Claims = Annotated[list[Claim], Field(min_length=1, max_length=64)]
Strategy = Literal["pingfederate", "ad", "adfs", "waad", "google-apps", "okta", "oidc", "samlp"]

NAME = "The name of the user attribute profile."
ATTRIBUTES = "User attributes configuration map: attribute names and their mappings."
USER_ID = "User ID mapping configuration."
OVERRIDES = "Strategy-specific overrides."
SAML = "SAML mapping: claims, in order of preference."
SCIM = "SCIM mapping. Stored and returned; not used for logins."
_EXAMPLE: Final = {
    "email": {
        "description": "The email address",
        "label": "Email",
        "profile_required": True,
        "auth0_mapping": "email",
        "oidc_mapping": {"mapping": "${context.tokenset.email}"},
    }
}


class OidcMapping(Body):
    """The source of an attribute in an OpenID Connect login: the name of a claim, or a template."""

    mapping: Claim = Field(description="OIDC mapping field.", examples=["${context.tokenset.email}"])
    display_name: Annotated[Claim | None, Given] = Field(
        None, description="Display name for the OIDC mapping."
    )


class Mapping(Body):
    """The source of an attribute in each protocol."""

    oidc_mapping: Annotated[OidcMapping | None, Given] = Field(None, description="OIDC mapping.")
    saml_mapping: Annotated[Claims | None, Given] = Field(None, description=SAML)
    scim_mapping: Annotated[Claim | None, Given] = Field(None, description=SCIM)


class Attribute(Mapping):
    """An attribute of users and its mapping."""

    description: Claim = Field(description="Description of this attribute.", examples=["The email address"])
    label: Claim = Field(description="Display label for this attribute.", examples=["Email"])
    profile_required: bool = Field(description="Whether this attribute is required in the profile.")
    auth0_mapping: Claim = Field(
        description="The root attribute of the profile that receives the value.", examples=["email"]
    )
    strategy_overrides: Annotated[dict[Strategy, Mapping] | None, Given] = Field(None, description=OVERRIDES)


class IdMapping(Body):
    """The source of the user's id for one strategy."""

    oidc_mapping: Annotated[Literal["sub", "oid", "email"] | None, Given] = Field(
        None, description="OIDC mapping."
    )
    saml_mapping: Annotated[Claims | None, Given] = Field(None, description=SAML)
    scim_mapping: Annotated[Claim | None, Given] = Field(None, description=SCIM)


class UserId(Body):
    """The source of the user's id."""

    oidc_mapping: Annotated[Literal["sub"] | None, Given] = Field(None, description="OIDC mapping.")
    saml_mapping: Annotated[Claims | None, Given] = Field(None, description=SAML)
    scim_mapping: Annotated[Claim | None, Given] = Field(None, description=SCIM)
    strategy_overrides: Annotated[dict[Strategy, IdMapping] | None, Given] = Field(
        None, description=OVERRIDES
    )


Attributes = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=128)], Attribute], Field(min_length=1, max_length=64)
]


class CreateProfile(Body):
    """A new user attribute profile."""

    name: Name = Field(description=NAME, examples=["Workforce"])
    user_id: Annotated[UserId | None, Given] = Field(None, description=USER_ID)
    user_attributes: Attributes = Field(description=ATTRIBUTES, examples=[_EXAMPLE])


class UpdateProfile(Body):
    """The properties to replace. A `user_id` of null restores the defaults."""

    at_least = 1

    name: Annotated[Name | None, Given] = Field(None, description=NAME, examples=["Workforce"])
    user_id: UserId | None = Field(None, description=USER_ID)
    user_attributes: Annotated[Attributes | None, Given] = Field(None, description=ATTRIBUTES)


class ProfileShown(Result):
    """A user attribute profile."""

    id: str = Field(examples=["uap_c5zI4XDdzzbD0qav"])
    name: str = Field(examples=["Workforce"])
    user_id: dict[str, Any] = Field(default_factory=dict)
    user_attributes: dict[str, Any] = Field(examples=[_EXAMPLE])


class Template(Result):
    """A template for a user attribute profile."""

    id: str = Field(examples=["auth0-generic"])
    display_name: str = Field(examples=["Auth0 Generic"])
    template: dict[str, Any]


class Templates(Result):
    """All templates."""

    user_attribute_profile_templates: list[Template]
