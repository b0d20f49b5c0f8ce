"""What gateways are told to end: CloudEvents 1.0 in JSON on the topic `revocations`, readable.

At least once, and never before the event behind it is on the log. `id` is that event's: the same id again is
the same revocation. What it ends began before `time`; access given later is not meant.
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
    """`what` ends, all of the person's or as far as it is narrowed down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: tuple[What, ...] = Field(description="Kinds of access that end.")
    user_id: str = Field(description="Whose, as the Management API names them.")
    session_id: str | None = Field(None, description="Only this session, and refresh tokens of this session.")
    refresh_token_ids: tuple[str, ...] | None = Field(None, description="Only these refresh tokens.")
    client_id: ClientId | None = Field(None, description="Only what this application was given.")
    audience: str | None = Field(None, description="Only what is good for this API.")
    connection: ConnectionName | None = Field(None, description="Only of logins through this connection.")


class Revocation(BaseModel):
    """The event. `subject` is the person's opaque id."""

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
    """The record on the topic; a person's revocations keep their order."""
    value: dict[str, Any] = revocation.model_dump(mode="json", exclude_none=True)
    return Record(record_key(revocation.tenant, revocation.subject), exact_json.dumps(value))
