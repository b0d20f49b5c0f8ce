"""The CloudEvents 1.0 envelope every event wears (context attributes and Vita's extensions)."""

from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from schemas.formats import instants
from schemas.formats.identifiers import SUBJECT_PATTERN, TENANT_PATTERN

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Actor = Annotated[str, Field(pattern=r"^(client|system|connection|user):[A-Za-z0-9._~/@-]{1,128}$")]
"""Who did it, never personal data: an API client, a part of Vita, a connection, or a person by subject."""
RELAYED: Final = "relay-"
SourcePosition = Annotated[str, Field(pattern=rf"^({RELAYED})?\d{{1,9}}/\d{{1,9}}/\d{{1,18}}$")]
"""`epoch/partition/offset` of the raw login an event came from; behind `relay-` that of the event on this
log which was handed on from a linked identity's own subject."""


class Envelope(BaseModel):
    """What all events share; nothing in it is chosen freely by a caller. `time` is when the fact happened, in
    UTC; `correlationid` is the request behind it, by the id that Vita gave it."""

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
