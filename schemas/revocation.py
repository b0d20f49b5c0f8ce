"""Revocations for gateways: CloudEvents 1.0 in JSON on the topic `revocations`, not sealed.

A revocation is delivered at least once, and never before its event is on the log. Its `id` is the event's
id, by which a gateway recognises a repetition. It ends access that was granted before `time`, not later
access.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.envelope import SPEC_VERSION, EventId
from schemas.events.fields import ClientId, ConnectionName
from schemas.events.seen import InstantText
from schemas.formats import exact_json
from schemas.formats.identifiers import SUBJECT_PATTERN, TENANT_PATTERN, record_key
from schemas.sealing.mapper import Record

EVENT_TYPE: Final = "vita.access.revoked.v1"
What = Literal["sessions", "refresh_tokens", "remembered_browsers", "risk_assessments"]


class RevokedAccess(BaseModel):
    """The kinds of access in `what` end: all of the user's, or those that the other members narrow down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: tuple[What, ...] = Field(description="Kinds of access that end.")
    user_id: str = Field(description="The user's `user_id` in the Management API.")
    session_id: str | None = Field(None, description="Only this session and its refresh tokens.")
    refresh_token_ids: tuple[str, ...] | None = Field(None, description="Only these refresh tokens.")
    client_id: ClientId | None = Field(None, description="Only access of this application.")
    audience: str | None = Field(None, description="Only access to this API.")
    connection: ConnectionName | None = Field(
        None, description="Only access from logins through this connection."
    )


class Revocation(BaseModel):
    """The CloudEvent. `subject` is the user's opaque subject id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"] = SPEC_VERSION
    id: EventId
    source: Literal["/vita/projector"] = "/vita/projector"
    type: Literal["vita.access.revoked.v1"] = "vita.access.revoked.v1"
    time: InstantText
    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    subject: Annotated[str, Field(pattern=SUBJECT_PATTERN)]
    datacontenttype: Literal["application/json"] = "application/json"
    data: RevokedAccess


def record_of(revocation: Revocation) -> Record:
    """Return the record for the topic. A user's revocations keep their order."""
    value: dict[str, Any] = revocation.model_dump(mode="json", exclude_none=True)
    return Record(record_key(revocation.tenant, revocation.subject), exact_json.dumps(value))
