"""Events about logins that can never be processed."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.errors import DeadLetterReason
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, ConnectionName, EventData

RecordPlace = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}/\d{1,9}/\d{1,18}$")]
"""`topic/partition/offset`, the argument of `vita dlq show`."""


class LoginQuarantinedData(EventData):
    """Why the login was quarantined, and where it is kept.

    `earlier` is the number of further logins of the tenant that were quarantined for this reason since
    the previous event and have no event of their own.
    """

    reason: Annotated[DeadLetterReason, OPEN]
    record: Annotated[RecordPlace, OPEN]
    earlier: Annotated[int, Field(ge=0), OPEN] = 0
    detail: Annotated[str, PROFILE] = ""
    """The fields and rules that were violated, never values."""
    gateway: Annotated[str | None, PROFILE] = None
    """The gateway whose key signed the login; None where logins are not signed."""
    connection: Annotated[ConnectionName | None, PROFILE] = None
    login_source: Annotated[str | None, ACTIVITY] = None
    login_id: Annotated[str | None, ACTIVITY] = None
    """`source` and `id` of the login. Absent if the login could not be read, and once activity data has
    expired."""


class LoginQuarantined(Envelope):
    """A login that certainly belongs to this tenant was quarantined.

    Only the first one for each reason and minute has an event.
    """

    type: Literal["profile.login.quarantined"] = "profile.login.quarantined"
    dataversion: Literal[1] = 1
    data: LoginQuarantinedData
