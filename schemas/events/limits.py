"""Events about callers that exceed a limit."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, CommandData

Group = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]


class ClientThrottledData(CommandData):
    """The API at which the client was throttled, and how many requests it may make at once."""

    group: Annotated[Group, OPEN]
    limit: Annotated[int, OPEN]


class ClientThrottled(Envelope):
    """A request of an API client was refused because the client exceeded its rate limit.

    Only the first refusal is recorded, and then none for a while: the event is a signal, not a count.
    """

    type: Literal["profile.client.throttled"] = "profile.client.throttled"
    dataversion: Literal[1] = 1
    data: ClientThrottledData
