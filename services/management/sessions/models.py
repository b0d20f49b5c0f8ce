"""Requests and results of sessions, refresh tokens, grants, device credentials and connected accounts."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.events.fields import SAFE, ClientId
from schemas.formats.identifiers import CONNECTION_PATTERN
from schemas.formats.violations import RULE
from services.management.http.models.fields import Body, Given, QueryBoolean
from services.management.http.models.paging import CheckpointPage, OffsetPage, Take
from services.management.http.models.query import Query
from services.management.http.models.results import Result

Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(min_length=1, max_length=512)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_METADATA: Final = "An object of strings of up to 255 characters, at most 25; null or {} removes all."
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=255)], Annotated[str, StringConstraints(max_length=255)]
    ],
    Field(max_length=25),
]
CredentialType = Literal["public_key", "refresh_token", "rotating_refresh_token"]


class CountedPage(CheckpointPage):
    """A page after a cursor, optionally with a total count."""

    include_totals: QueryBoolean = Field(False, description="Whether the response includes the total count.")


class ListRefreshTokens(Query):
    """A page of a user's refresh tokens."""

    user_id: Text = Field(description="ID of the user whose refresh tokens to retrieve.")
    client_id: Text | None = Field(None, description="Only those of this client.")
    after: str | None = Field(None, alias="from", description="The cursor `next` of the previous page.")
    take: Take | None = Field(None, description="Number of results per page. Defaults to 50.")
    fields: str | None = Field(None, description="Comma-separated list of fields to include or exclude.")
    include_fields: QueryBoolean = Field(True, description="Whether `fields` are included or excluded.")


class DescribeSession(Body):
    """The new metadata of a session."""

    session_metadata: Metadata | None = Field(None, description=_METADATA)


class DescribeRefreshToken(Body):
    """The new metadata of a refresh token."""

    refresh_token_metadata: Metadata | None = Field(None, description=_METADATA)


class RevokeAccess(Body):
    """Revokes all access of a user, or that of one session."""

    session_id: Annotated[Annotated[str, Field(min_length=1, max_length=50)] | None, Given] = Field(
        None, description="ID of the session to revoke."
    )
    preserve_refresh_tokens: Annotated[bool | None, Given] = Field(
        None, description="Whether to preserve refresh tokens (true) or not (false, the default)."
    )


class RevokeRefreshTokens(Body):
    """Selects refresh tokens by ids, by user, by user and client, or by user, client and audience."""

    at_least = 1
    ids: Annotated[tuple[Id, ...] | None, Given, Field(min_length=1, max_length=100, strict=False)] = Field(
        None, description="IDs of refresh tokens to revoke, at most 100.", examples=[["rt_4b7e9a"]]
    )
    user_id: Annotated[Text | None, Given] = Field(None, description="Revoke those of this user.")
    client_id: Annotated[ClientId | None, Given] = Field(None, description="Only those of this client.")
    audience: Annotated[Text | None, Given] = Field(None, description="Only those for this API.")

    @model_validator(mode="after")
    def _says_which(self) -> "RevokeRefreshTokens":
        named = self.ids is not None, self.user_id is not None
        if named[0] is named[1] or (named[0] and (self.client_id or self.audience)):
            raise PydanticCustomError(RULE, "Either ids or user_id must be given")
        if self.audience is not None and self.client_id is None:
            raise PydanticCustomError(RULE, "audience must be used with both user_id and client_id")
        return self


class ListGrants(OffsetPage):
    """A page of grants with optional filters."""

    user_id: Text | None = Field(None, description="user_id of the grants to retrieve.")
    client_id: Text | None = Field(None, description="client_id of the grants to retrieve.")
    audience: str | None = Field(None, description="audience of the grants to retrieve.")


class DeleteGrants(Query):
    """The user whose grants to delete."""

    user_id: Text = Field(description="user_id of the grants to delete.")


class ListDeviceCredentials(OffsetPage):
    """A page of device credentials with optional filters."""

    user_id: Text | None = Field(None, description="user_id of the devices to retrieve.")
    client_id: Text | None = Field(None, description="client_id of the devices to retrieve.")
    type: CredentialType | None = Field(
        None, description="Type of credentials. Defaults to public keys and non-rotating refresh tokens."
    )
    fields: str | None = Field(None, description="Comma-separated list of fields to include or exclude.")
    include_fields: QueryBoolean = Field(True, description="Whether `fields` are included or excluded.")


class CreateDeviceCredential(Body):
    """The public key of the caller's device."""

    device_name: Annotated[str, Field(min_length=1, max_length=512), SAFE] = Field(
        description="Name for this device easily recognized by owner."
    )
    type: Literal["public_key"] = Field(description="Type of credential. Must be public_key.")
    value: Annotated[str, Field(min_length=1, max_length=16_384)] = Field(
        description="Base64 encoded string containing the credential."
    )
    device_id: Annotated[str, Field(min_length=1, max_length=512), SAFE] = Field(
        description="Unique identifier for the device."
    )
    client_id: Annotated[ClientId | None, Given] = Field(
        None, description="client_id of the client (application) this credential is for."
    )


class ClearRiskAssessments(Body):
    """The assessors to clear."""

    connection: Annotated[str, Field(pattern=CONNECTION_PATTERN)] = Field(
        description="The name of the connection containing the user.",
        examples=["Username-Password-Authentication"],
    )
    assessors: Annotated[tuple[Literal["new-device"], ...], Field(min_length=1, strict=False)] = Field(
        description="List of assessors to clear."
    )


class Created(Result):
    """The id of the new object."""

    id: str = Field(examples=["dcr_x9Kd82jKq1LmZ0aP"])


class SessionResult(Result):
    """A session."""

    id: str = Field(examples=["sess_8d1f"])
    user_id: str = Field(examples=["google-oauth2|104834838475647382910"])
    created_at: Time
    updated_at: Time
    authenticated_at: Time
    idle_expires_at: Time = ""
    expires_at: Time = ""
    last_interacted_at: Time
    device: dict[str, str]
    clients: list[dict[str, str]]
    authentication: dict[str, list[dict[str, str]]]
    session_metadata: dict[str, str] = Field(default_factory=dict)


class RefreshTokenResult(Result):
    """A refresh token, without its secret value."""

    id: str = Field(examples=["rt_4b7e9a"])
    user_id: str = Field(examples=["google-oauth2|104834838475647382910"])
    created_at: Time
    idle_expires_at: Time | None
    expires_at: Time | None
    device: dict[str, str]
    client_id: str | None
    session_id: str | None
    rotating: bool
    resource_servers: list[dict[str, str]]
    refresh_token_metadata: dict[str, str] = Field(default_factory=dict)
    last_exchanged_at: Time | None


class GrantResult(Result):
    """The scopes that a user granted to an application at an API."""

    id: str
    clientID: str  # noqa: N815 - the wire's name
    user_id: str
    audience: str
    scope: list[str]
    organization_id: str = ""


class DeviceCredentialResult(Result):
    """A public key, or a refresh token."""

    id: str = Field("", examples=["dcr_x9Kd82jKq1LmZ0aP"])
    device_name: str = ""
    device_id: str = ""
    type: str = Field("", examples=["public_key"])
    user_id: str = ""
    client_id: str = ""


class ConnectedAccountResult(Result):
    """An account at an identity provider that may be used on behalf of the user."""

    id: str
    connection: str
    connection_id: str
    strategy: str
    access_type: str = Field(examples=["offline"])
    scopes: list[str] = Field(default_factory=list)
    created_at: Time
    expires_at: Time = ""
    organization_id: str = ""


class SessionList(Result):
    """A page of sessions."""

    sessions: list[SessionResult]
    next: str = ""
    total: int = 0


class RefreshTokenList(Result):
    """A page of refresh tokens."""

    tokens: list[RefreshTokenResult]
    next: str = ""
    total: int = 0


class FoundRefreshTokens(Result):
    """A page of refresh tokens."""

    refresh_tokens: list[dict[str, Any]]
    next: str = ""
