"""Callers that ask for more than they may."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, CommandData

Group = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]


class ClientThrottledData(CommandData):
    """Where the client had no room left, and how many requests it may make there at once."""

    group: Annotated[Group, OPEN]
    limit: Annotated[int, OPEN]


class ClientThrottled(Envelope):
    """A request of an API client was refused because of too many others. Told of the first one only, then not
    again for a while: it is a sign, not a count."""

    type: Literal["profile.client.throttled"] = "profile.client.throttled"
    dataversion: Literal[1] = 1
    data: ClientThrottledData
