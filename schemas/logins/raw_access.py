"""The part of a raw login that describes the access it granted: session, refresh token, device, account."""

from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas.events.fields import SAFE, ConnectionName, Slug
from schemas.formats import instants
from schemas.formats.characters import replaced
from schemas.formats.violations import RULE


def _instant(value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "a time is text")
    try:
        return instants.parse(value)
    except instants.OutOfRange:
        return None
    except ValueError:
        raise PydanticCustomError(RULE, "Expected an RFC 3339 date-time with a time zone") from None


Instant = Annotated[
    datetime | None,
    PlainValidator(_instant),
    PlainSerializer(lambda moment: None if moment is None else instants.render(moment)),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
"""An aware UTC time, truncated to the millisecond. None if absent or outside 1970 to 9999, like Go's zero
time."""
Id = Annotated[str, Field(min_length=1, max_length=512), SAFE]
Text = Annotated[str, Field(max_length=512), AfterValidator(replaced)]
"""Text in which U+FFFD replaces control and bidirectional characters, so that they do not invalidate the
login."""
ScopeText = Annotated[
    str, Field(max_length=4096), AfterValidator(lambda text: replaced(" ".join(text.split())))
]
"""Scopes, separated by spaces."""
MAX_MEMBERS = 50


class AccessPart(BaseModel):
    """Base class. Unknown members are ignored, as in the login itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RawMethod(AccessPart):
    """A method by which the user authenticated."""

    name: Text = Field(description="`federated`, `passkey`, `pwd`, `sms`, `email`, `mfa`, or a URL.")
    timestamp: Instant = None
    type: Text | None = Field(None, description="The factor, if the name is `mfa`.")


class RawSession(AccessPart):
    """The session behind `session_id`."""

    expires_at: Instant = Field(None, description="When it expires in any case.")
    idle_expires_at: Instant = Field(None, description="When it expires unless it is used.")
    methods: Annotated[list[RawMethod], Field(max_length=MAX_MEMBERS)] | None = Field(
        None, description="All methods by which the user authenticated in this session so far."
    )


class RawResourceServer(AccessPart):
    """An API for which a refresh token is valid."""

    audience: Text
    scopes: ScopeText = ""


class RawRefreshToken(AccessPart):
    """A refresh token that was issued or used. It is named by its id; the token itself must not be sent."""

    id: Id
    rotating: bool = False
    expires_at: Instant = None
    idle_expires_at: Instant = None
    resource_servers: Annotated[list[RawResourceServer], Field(max_length=MAX_MEMBERS)] = Field(
        default_factory=list
    )


class RawDevice(AccessPart):
    """The device on which the user logged in."""

    name: Text | None = None
    type: Text | None = None
    identifier: Text | None = None


class RawConnectedAccount(AccessPart):
    """An account at a provider that the application may use on behalf of the user."""

    connection: ConnectionName
    strategy: Slug | None = Field(
        None, description="Required if it differs from the connection of the login."
    )
    scopes: Annotated[list[Text], Field(max_length=200)] = Field(default_factory=list)
    expires_at: Instant = None
