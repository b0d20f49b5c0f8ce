"""The CloudEvents 1.0 envelope of every event: context attributes and Vita's extensions."""

from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from schemas.formats import instants
from schemas.formats.identifiers import SUBJECT_PATTERN, TENANT_PATTERN
from schemas.reservation import ReservationKind

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Actor = Annotated[str, Field(pattern=r"^(client|system|connection|user):[A-Za-z0-9._~/@-]{1,128}$")]
"""Who caused the event: an API client, a part of Vita, a connection, or a user by subject. Contains no
personal data."""
RELAYED: Final = "relay-"
REPLAYED: Final = "replay-"
SourcePosition = Annotated[str, Field(pattern=rf"^({RELAYED}|{REPLAYED})?\d{{1,9}}/\d{{1,9}}/\d{{1,18}}$")]
"""`epoch/partition/offset` of the raw login from which the event was derived. With the prefix `relay-`, the
position on this log of the event that was relayed from a linked identity's own subject. With the prefix
`replay-`, the raw login was quarantined first and processed later."""


class Envelope(BaseModel):
    """The members that all events share. No caller can choose any of them freely.

    `time` is when the fact happened, in UTC. `correlationid` is the id that Vita gave to the request that
    caused the event.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: EventId
    source: Annotated[str, Field(min_length=1, max_length=200)]
    subject: Annotated[str, Field(pattern=SUBJECT_PATTERN)]
    time: Annotated[AwareDatetime, AfterValidator(instants.bounded)]
    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    actor: Actor
    correlationid: EventId | None = None
    causationid: EventId | None = None
    sourceposition: SourcePosition | None = None

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The kinds of unique values that this event sets or gives up: when it takes effect, earlier
        reservations of these kinds end."""
        return ()
