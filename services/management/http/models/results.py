"""Response types for the OpenAPI document. Responses are not validated against them at run time; contract
tests check that they conform."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

_TIME: Final[dict[str, Any]] = {"format": "date-time"}


class Result(BaseModel):
    """A response object. It may have further members; members with a default may be absent."""

    model_config = ConfigDict(extra="allow")


class Identity(Result):
    """One of a user's identities."""

    connection: str = Field(examples=["Username-Password-Authentication"])
    user_id: str | int = Field(examples=["63d17c4a8869daf88ed7db97"])
    provider: str = Field(examples=["auth0"])
    isSocial: bool = Field(examples=[False])  # noqa: N815 - the wire's name
    profileData: dict[str, Any] | None = None  # noqa: N815 - the wire's name


class User(Result):
    """A user's profile. Further attributes from the identity provider are included under their own names."""

    user_id: str = Field("", examples=["auth0|63d17c4a8869daf88ed7db97"])
    email: str = Field("", examples=["jane@example.com"])
    email_verified: bool = Field(False, examples=[True])
    username: str = ""
    phone_number: str = ""
    phone_verified: bool = False
    name: str = Field("", examples=["Jane Doe"])
    nickname: str = Field("", examples=["jane"])
    given_name: str = ""
    family_name: str = ""
    picture: str = ""
    identities: list[Identity] = Field(default_factory=list)
    created_at: str = Field("", examples=["2026-11-23T10:00:00.000Z"], json_schema_extra=_TIME)
    updated_at: str = Field("", examples=["2026-11-23T10:00:00.000Z"], json_schema_extra=_TIME)
    last_login: str = Field("", json_schema_extra=_TIME)
    last_ip: str = ""
    logins_count: int = 0
    blocked: bool = False
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    app_metadata: dict[str, Any] = Field(default_factory=dict, examples=[{"plan": "gold"}])


class Connection(Result):
    """A connection to an identity provider."""

    id: str = Field("", examples=["con_c5zI4XDdzzbD0qav"])
    name: str = Field("", examples=["Username-Password-Authentication"])
    strategy: str = Field("", examples=["auth0"])
    options: dict[str, Any] = Field(default_factory=dict)
    enabled_clients: list[str] = Field(default_factory=list)
    realms: list[str] = Field(default_factory=list)


class Explanation(BaseModel):
    """How a search would be executed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"additionalProperties": False})

    kind: str = Field(alias="class", examples=["exact", "metadata range", "combined"])
    clauses: int
    index: bool = Field(description="Whether the search uses indexes.")
    order: str = Field(examples=["subject", "created_at:1"])
    indexes: list[str] = Field(description="The indexes PostgreSQL would use now.")


class Deleted(Result):
    """The time of the deletion."""

    deleted_at: str = Field(json_schema_extra=_TIME)


class Accepted(Result):
    """The change is on the event log, but not visible to reads yet. A read that sends the position as
    `Vita-At-Least` waits until it is."""

    status: str = Field(examples=["accepted"])
    position: str = Field(examples=["7:4071"])


class Failure(Result):
    """The reason why a request is rejected."""

    statusCode: int  # noqa: N815 - the wire's name
    error: str
    message: str
    errorCode: str = ""  # noqa: N815 - the wire's name
    attributes: dict[str, str] = Field(default_factory=dict)


class Token(Result):
    """An access token."""

    access_token: str = Field(examples=["eyJhbGciOiJSUzI1NiIs..."])
    scope: str = Field(examples=["read:users update:users"])
    expires_in: int = Field(examples=[86400])
    token_type: str = Field(examples=["Bearer"])


class TokenRefused(Result):
    """An OAuth 2.0 error."""

    error: str = Field(examples=["invalid_client"])
    error_description: str = Field(examples=["Unauthorized"])


class KeySet(Result):
    """A JSON Web Key Set."""

    keys: list[dict[str, Any]]


class Health(Result):
    """The state of the service and of the parts that it depends on."""

    status: str = Field(examples=["ok"])
    parts: dict[str, str] = Field(examples=[{"database": "ok", "event_log": "ok"}])


class Empty(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid")
