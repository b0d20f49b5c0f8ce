"""Requests and answers of a user's past: the user at a moment, provenance and history."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from services.management.http.models.fields import QueryInteger
from services.management.http.models.query import Query, Selected
from services.management.http.models.results import Result

_TIME: Final[dict[str, Any]] = {"format": "date-time"}
AS_OF: Final = (
    "Moment of the past: a time (RFC 3339), or a position of the event log as `partition:offset`. Needs the"
    " scopes `read:users` and `read:user_history`."
)


class GetUser(Selected):
    """One user, now or at a past moment."""

    as_of: str | None = Field(None, description=AS_OF, examples=["2026-11-23T10:00:00.000Z"])


class ProvenanceQuery(Query):
    """Which attributes, and when."""

    as_of: str | None = Field(None, description=AS_OF)
    attributes: str | None = Field(None, description="Comma-separated list of attributes. Defaults to all.")


class ListHistory(Query):
    """A page of a user's events."""

    sort: Literal["time:1", "time:-1"] = Field(
        "time:-1", description="Oldest events first (`time:1`) or newest first (`time:-1`)."
    )
    type: str | None = Field(
        None,
        description="Only events of these types, separated by commas; `*` stands for any text, and the prefix"
        " `profile.` may be left out.",
        examples=["login.*,user.deleted"],
    )
    since: str | None = Field(None, description="Only events that happened at this time or later (RFC 3339).")
    until: str | None = Field(None, description="Only events that happened before this time (RFC 3339).")
    after: str | None = Field(None, alias="from", description="Where to go on: `next` of the page before.")
    take: Annotated[QueryInteger, Field(ge=1, le=500)] = Field(
        50, description="Number of events per page; a page with large events may have fewer."
    )


class ChangedAttribute(Result):
    """An attribute, or one member of it, before and after an event; absent where it was or is not there."""

    attribute: str = Field(examples=["name"])
    key: str = Field("", description="Key of metadata, identity, or id of a role or the like.")
    before: Any = None
    after: Any = None
    hidden: bool = Field(False, description="True for a secret, whose values are not shown.")


class EventIdentity(Result):
    """The identity that an event is of."""

    connection: str = ""
    provider: str
    user_id: str | int


class HistoryEvent(Result):
    """One event of a user's history."""

    position: str = Field(description="Position on the event log.", examples=["3:1042"])
    id: str
    type: str = Field(examples=["profile.login.succeeded"])
    time: str = Field(description="When it happened.", json_schema_extra=_TIME)
    recorded_at: str = Field(description="When the event log stored it.", json_schema_extra=_TIME)
    actor: str = Field(description="Who caused it.", examples=["client:Xa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"])
    client_id: str = Field("", description="The application of a login.")
    connection: str = ""
    correlation_id: str = Field("", description="`X-Request-Id` of the request that caused it.")
    causation_id: str = Field("", description="The command or the event that caused it.")
    identity: EventIdentity | None = None
    linked: Literal["before", "while"] = Field(
        "before", description="For events of a linked identity: before or while it was linked."
    )
    outcome: Literal["applied", "refused", "forwarded"]
    revision: int = Field(description="The profile's revision after the event.")
    summary: str = Field(description="The event in words.")
    changes: list[ChangedAttribute]


class HistoryPage(Result):
    """A page of a user's history."""

    events: list[HistoryEvent]
    complete: bool = Field(description="Whether every event up to now is known.")
    next: str | None = Field(None, description="`from` of the next page; absent at the end.")


class OtherValue(Result):
    """A value that was not chosen."""

    value: Any
    identity: str = Field(examples=["google-oauth2|117282391823912331"])
    by: str = Field(examples=["connection:google-oauth2"])
    claim: str = ""
    event: str = ""
    time: str = Field("", json_schema_extra=_TIME)
    rule: str = Field(description="Name of the rule by which it was not chosen.", examples=["later_login"])
    reason: str = Field(description="The rule in words.")


class AttributeSource(Result):
    """An attribute and where its value came from."""

    attribute: str = Field(examples=["name"])
    value: Any
    event: str = Field("", description="Id of the event that gave the value.")
    type: str = ""
    position: str = ""
    time: str = Field("", json_schema_extra=_TIME)
    by: str = Field("", description="The connection or the actor.", examples=["connection:google-oauth2"])
    claim: str = Field("", description="The provider's claim, `edit`, or `default:` and what it was made of.")
    since: str = Field("", description="When the value last changed.", json_schema_extra=_TIME)
    alternatives: list[OtherValue] = Field(default_factory=list)


class Provenance(Result):
    """Where a user's attributes come from."""

    user_id: str
    attributes: list[AttributeSource]
