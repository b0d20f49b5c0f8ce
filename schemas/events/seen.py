"""What a login reports about the access it granted: plain JSON, times as text, unknown keys omitted."""

from typing import Annotated

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

InstantText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
_CLOSED = ConfigDict(extra="forbid")


@with_config(_CLOSED)
class SeenMethod(TypedDict, total=False):
    """A method by which the user authenticated. `type` is the factor if the name is `mfa`."""

    name: str
    timestamp: InstantText
    type: str


@with_config(_CLOSED)
class SeenSession(TypedDict, total=False):
    """The session of `session_id`. `methods` are all methods of the session so far."""

    expires_at: InstantText
    idle_expires_at: InstantText
    methods: list[SeenMethod]


@with_config(_CLOSED)
class SeenResourceServer(TypedDict, total=False):
    """An API for which a refresh token is valid."""

    audience: str
    scopes: str


@with_config(_CLOSED)
class SeenRefreshToken(TypedDict, total=False):
    """A refresh token that was issued or used, named by its id."""

    id: str
    rotating: bool
    expires_at: InstantText
    idle_expires_at: InstantText
    resource_servers: list[SeenResourceServer]


@with_config(_CLOSED)
class SeenDevice(TypedDict, total=False):
    """The device on which the user logged in."""

    name: str
    type: str
    identifier: str


@with_config(_CLOSED)
class SeenAccount(TypedDict, total=False):
    """An account at a provider that the application may use on behalf of the user."""

    connection: str
    strategy: str
    scopes: list[str]
    expires_at: InstantText
