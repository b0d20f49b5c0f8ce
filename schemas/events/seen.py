"""What a login shows of the access it gave: plain JSON, times as text; unknown keys are left out."""

from typing import Annotated

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

InstantText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
_CLOSED = ConfigDict(extra="forbid")


@with_config(_CLOSED)
class SeenMethod(TypedDict, total=False):
    """One way in which somebody has proved who they are; `type` is the factor where the name is `mfa`."""

    name: str
    timestamp: InstantText
    type: str


@with_config(_CLOSED)
class SeenSession(TypedDict, total=False):
    """The session of `session_id`; `methods` are all so far."""

    expires_at: InstantText
    idle_expires_at: InstantText
    methods: list[SeenMethod]


@with_config(_CLOSED)
class SeenResourceServer(TypedDict, total=False):
    """An API a refresh token is good for."""

    audience: str
    scopes: str


@with_config(_CLOSED)
class SeenRefreshToken(TypedDict, total=False):
    """A refresh token issued or used, by its id."""

    id: str
    rotating: bool
    expires_at: InstantText
    idle_expires_at: InstantText
    resource_servers: list[SeenResourceServer]


@with_config(_CLOSED)
class SeenDevice(TypedDict, total=False):
    """What the person signed in on."""

    name: str
    type: str
    identifier: str


@with_config(_CLOSED)
class SeenAccount(TypedDict, total=False):
    """An account at a provider that may be used on behalf of the person."""

    connection: str
    strategy: str
    scopes: list[str]
    expires_at: InstantText
