"""What the API answers, as the OpenAPI document tells it. Answers are not validated against these at run
time; the contract tests do that."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Result(BaseModel):
    """Open: what is not named may be there too. What may be absent has a default."""

    model_config = ConfigDict(extra="allow")


class Identity(Result):
    """One of a user's identities."""

    connection: str = Field(examples=["Username-Password-Authentication"])
    user_id: str | int = Field(examples=["63d17c4a8869daf88ed7db97"])
    provider: str = Field(examples=["auth0"])
    isSocial: bool  # noqa: N815 - the wire's name
    profileData: dict[str, Any] | None = None  # noqa: N815 - the wire's name


class User(Result):
    """A user's profile; everything an identity provider sent besides is there under its own name."""

    user_id: str = Field("", examples=["auth0|63d17c4a8869daf88ed7db97"])
    email: str = Field("", examples=["jane@example.com"])
    email_verified: bool = False
    username: str = ""
    phone_number: str = Field("", examples=["+14155550123"])
    phone_verified: bool = False
    name: str = ""
    nickname: str = ""
    given_name: str = ""
    family_name: str = ""
    picture: str = ""
    identities: list[Identity] = Field(default_factory=list)
    created_at: str = Field("", json_schema_extra={"format": "date-time"})
    updated_at: str = Field("", json_schema_extra={"format": "date-time"})
    last_login: str = Field("", json_schema_extra={"format": "date-time"})
    last_ip: str = ""
    logins_count: int = 0
    blocked: bool = False
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    app_metadata: dict[str, Any] = Field(default_factory=dict)


class Connection(Result):
    """A connection to an identity provider."""

    id: str = Field("", examples=["con_c5zI4XDdzzbD0qav"])
    name: str = Field("", examples=["Username-Password-Authentication"])
    strategy: str = Field("", examples=["auth0"])
    options: dict[str, Any] = Field(default_factory=dict)
    enabled_clients: list[str] = Field(default_factory=list)
    realms: list[str] = Field(default_factory=list)


class Deleted(Result):
    """When it was deleted."""

    deleted_at: str = Field(json_schema_extra={"format": "date-time"})


class Empty(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid")
