"""What a raw login may tell of the access it gave: session, refresh token, device, grant, account."""

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
"""An aware UTC time, cut to the millisecond; None if absent or outside 1970 to 9999, as Go's zero time is."""
Id = Annotated[str, Field(min_length=1, max_length=512), SAFE]
Text = Annotated[str, Field(max_length=512), AfterValidator(replaced)]
"""Text in which U+FFFD stands for each control and bidirectional character: it may not cost the login."""
ScopeText = Annotated[
    str, Field(max_length=4096), AfterValidator(lambda text: replaced(" ".join(text.split())))
]
"""Scopes, separated by blanks."""
MAX_MEMBERS = 50


class Part(BaseModel):
    """Lenient like the login it belongs to."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Method(Part):
    """One way in which somebody has proved who they are."""

    name: Text = Field(description="`federated`, `passkey`, `pwd`, `sms`, `email`, `mfa`, or a URL.")
    timestamp: Instant = None
    type: Text | None = Field(None, description="The factor, where the name is `mfa`.")


class Session(Part):
    """The session behind `session_id`."""

    expires_at: Instant = Field(None, description="When it ends whatever happens.")
    idle_expires_at: Instant = Field(None, description="When it ends unless it is used.")
    methods: Annotated[list[Method], Field(max_length=MAX_MEMBERS)] | None = Field(
        None, description="All that was proved in this session so far."
    )


class ResourceServer(Part):
    """An API a refresh token is good for."""

    audience: Text
    scopes: ScopeText = ""


class RefreshToken(Part):
    """A refresh token that was issued or used. Only its id: the token itself is nobody's business here."""

    id: Id
    rotating: bool = False
    expires_at: Instant = None
    idle_expires_at: Instant = None
    resource_servers: Annotated[list[ResourceServer], Field(max_length=MAX_MEMBERS)] = Field(
        default_factory=list
    )


class Device(Part):
    """What the person signed in on."""

    name: Text | None = None
    type: Text | None = None
    identifier: Text | None = None


class ConnectedAccount(Part):
    """An account at a provider that the application may use on behalf of the person."""

    connection: ConnectionName
    strategy: Slug | None = Field(None, description="Needed where it is not that of the login.")
    scopes: Annotated[list[Text], Field(max_length=200)] = Field(default_factory=list)
    expires_at: Instant = None
