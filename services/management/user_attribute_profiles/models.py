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
ATTRIBUTES = "User attributes configuration map: attribute names, and how each is read."
USER_ID = "User ID mapping configuration."
OVERRIDES = "Strategy-specific overrides."
SAML = "SAML mapping: claims, best first."
SCIM = "SCIM mapping; kept for provisioning, not used by logins."
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
    """Where an OpenID Connect login has an attribute: the name of a claim, or a template."""

    mapping: Claim = Field(description="OIDC mapping field.", examples=["${context.tokenset.email}"])
    display_name: Annotated[Claim | None, Given] = Field(
        None, description="Display name for the OIDC mapping."
    )


class Mapping(Body):
    """Where an attribute is found in one protocol or another."""

    oidc_mapping: Annotated[OidcMapping | None, Given] = Field(None, description="OIDC mapping.")
    saml_mapping: Annotated[Claims | None, Given] = Field(None, description=SAML)
    scim_mapping: Annotated[Claim | None, Given] = Field(None, description=SCIM)


class Attribute(Mapping):
    """One attribute of people."""

    description: Claim = Field(description="Description of this attribute.", examples=["The email address"])
    label: Claim = Field(description="Display label for this attribute.", examples=["Email"])
    profile_required: bool = Field(description="Whether this attribute is required in the profile.")
    auth0_mapping: Claim = Field(
        description="The root attribute of the profile that it becomes.", examples=["email"]
    )
    strategy_overrides: Annotated[dict[Strategy, Mapping] | None, Given] = Field(None, description=OVERRIDES)


class IdMapping(Body):
    """Where a person's id is found by one strategy."""

    oidc_mapping: Annotated[Literal["sub", "oid", "email"] | None, Given] = Field(
        None, description="OIDC mapping."
    )
    saml_mapping: Annotated[Claims | None, Given] = Field(None, description=SAML)
    scim_mapping: Annotated[Claim | None, Given] = Field(None, description=SCIM)


class UserId(Body):
    """Where a person's id is found."""

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
    """A profile that connections may name."""

    name: Name = Field(description=NAME, examples=["Workforce"])
    user_id: Annotated[UserId | None, Given] = Field(None, description=USER_ID)
    user_attributes: Attributes = Field(description=ATTRIBUTES, examples=[_EXAMPLE])


class UpdateProfile(Body):
    """What is named is replaced; `user_id` null resets it to the defaults."""

    at_least = 1

    name: Annotated[Name | None, Given] = Field(None, description=NAME, examples=["Workforce"])
    user_id: UserId | None = Field(None, description=USER_ID)
    user_attributes: Annotated[Attributes | None, Given] = Field(None, description=ATTRIBUTES)


class ProfileShown(Result):
    """How people's attributes are read from logins."""

    id: str = Field(examples=["uap_c5zI4XDdzzbD0qav"])
    name: str = Field(examples=["Workforce"])
    user_id: dict[str, Any] = Field(default_factory=dict)
    user_attributes: dict[str, Any] = Field(examples=[_EXAMPLE])


class Template(Result):
    """Something to begin with."""

    id: str = Field(examples=["auth0-generic"])
    display_name: str = Field(examples=["Auth0 Generic"])
    template: dict[str, Any]


class Templates(Result):
    """Every template there is."""

    user_attribute_profile_templates: list[Template]
