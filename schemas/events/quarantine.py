"""Logins that can never be processed."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.errors import DeadLetterReason
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, ConnectionName, EventData

RecordPlace = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}/\d{1,9}/\d{1,18}$")]
"""`topic/partition/offset`, as `vita dlq show` takes it."""


class LoginQuarantinedData(EventData):
    """Why, and where the login is kept. `earlier` is how many more of the tenant were quarantined for this
    reason since the event before this one, which no event tells of."""

    reason: Annotated[DeadLetterReason, OPEN]
    record: Annotated[RecordPlace, OPEN]
    earlier: Annotated[int, Field(ge=0), OPEN] = 0
    detail: Annotated[str, PROFILE] = ""
    """Which fields and rules, never values."""
    gateway: Annotated[str | None, PROFILE] = None
    """The gateway whose key signed the login; None where logins are not signed."""
    connection: Annotated[ConnectionName | None, PROFILE] = None
    login_source: Annotated[str | None, ACTIVITY] = None
    login_id: Annotated[str | None, ACTIVITY] = None
    """`source` and `id` of the login; absent where it could not be read, and once activity has expired."""


class LoginQuarantined(Envelope):
    """A login of this tenant, certainly, was put with the dead letters; told of the first one of a reason in
    each minute."""

    type: Literal["profile.login.quarantined"] = "profile.login.quarantined"
    dataversion: Literal[1] = 1
    data: LoginQuarantinedData
