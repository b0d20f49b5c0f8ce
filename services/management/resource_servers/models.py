"""Requests about the APIs that permissions belong to (fact sheet §4.6, §18)."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from schemas.events.fields import SAFE
from services.management.http.models.fields import MOST_AT_ONCE, Body, Given, QueryBoolean
from services.management.http.models.paging import AnyPage
from services.management.http.models.query import Query

Identifier = Annotated[str, Field(min_length=1, max_length=600), SAFE]
PermissionName = Annotated[str, Field(min_length=1, max_length=280, pattern=r"^[!#-\[\]-~]+$")]
Description = Annotated[str, Field(max_length=500)]
ApiName = Annotated[str, Field(max_length=200, pattern=r"^[^<>]*$"), SAFE]
Lifetime = Annotated[int, Field(ge=0, le=2_592_000)]
SCOPES = "List of permissions (scopes) that this API uses."
API_NAME = "Friendly name for this resource server. Can not contain < or > characters."


class KeptByApis(Body):
    """API settings that have no effect. They are stored and returned as sent, including null."""

    access_token: dict[str, Any] | None = None
    allow_online_access: bool | None = None
    allow_online_access_with_ephemeral_sessions: bool | None = None
    authorization_details: list[Any] | None = None
    authorization_policy: dict[str, Any] | None = None
    consent_policy: str | None = None
    proof_of_possession: dict[str, Any] | None = None
    require_consent_non_repudiation: bool | None = None
    subject_type_authorization: dict[str, Any] | None = None
    token_encryption: dict[str, Any] | None = None
    token_lifetime_for_anonymous_access_tokens: int | None = None
    token_lifetime_for_web: Lifetime | None = None
    verification_location: str | None = None


class Scope(Body):
    """A permission of an API."""

    value: PermissionName = Field(description="Value of this scope.", examples=["read:invoices"])
    description: Annotated[Description | None, Given] = Field(
        None, description="User-friendly description of this scope.", examples=["Read invoices"]
    )


class ApiSettings(KeptByApis):
    """The properties that requests to create and to change an API share."""

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
    token_dialect: (
        Literal["access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"] | None
    ) = Field(None, description="Dialect of access tokens issued for this API.")
    skip_consent_for_verifiable_first_party_clients: Annotated[bool | None, Given] = Field(
        None, description="Whether to skip user consent for applications flagged as first party."
    )
    enforce_policies: Annotated[bool | None, Given] = Field(
        None, description="Whether authorization policies are enforced."
    )
    signing_secret: Annotated[Annotated[str, Field(min_length=16)] | None, Given] = Field(
        None, description="Accepted and not stored: Vita signs no tokens with it."
    )


class CreateApi(ApiSettings):
    """A new API. Its identifier cannot be changed later."""

    identifier: Identifier = Field(
        description="Unique identifier for the API used as the audience parameter on authorization calls.",
        examples=["https://api.example.com"],
    )


class UpdateApi(ApiSettings):
    """The properties to replace. `scopes` replaces the whole list; removed permissions are revoked from all
    users and roles."""

    at_least = 1


class ListApis(AnyPage):
    """A page of APIs."""

    identifiers: tuple[str, ...] = Field((), description="Only the APIs with these identifiers.")


class GetApi(Query):
    """The fields to return. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    include_fields: QueryBoolean = Field(
        True, description="Whether specified fields are to be included (true) or excluded (false)."
    )
