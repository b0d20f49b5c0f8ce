"""Requests and responses of logs and statistics."""

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from schemas.formats.violations import RULE
from services.management.http.models.fields import QueryBoolean, QueryInteger
from services.management.http.models.query import Query, Selected
from services.management.http.models.results import Result

MAX_TAKE: Final = 100
_LOG_ID: Final = re.compile(r"[0-9]{1,56}")
_DAY: Final = re.compile(r"[0-9]{8}")


def _log_id(text: str) -> str:
    if not _LOG_ID.fullmatch(text):
        raise PydanticCustomError(RULE, "String does not match pattern ^[0-9]{1,56}$")
    return text


def _day(text: str) -> str:
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError(text)
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError(RULE, "String is not a day in the form YYYYMMDD") from None
    return text


LogId = Annotated[
    str, AfterValidator(_log_id), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,56}$"})
]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{8}$"})]


class UserLogs(Selected):
    """A page of a user's log entries. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    page: Annotated[QueryInteger, Field(ge=0)] = Field(
        0, description="Page index of the results to return. First page is 0."
    )
    per_page: Annotated[QueryInteger, Field(ge=1, le=100)] = Field(
        50, description="Number of results per page."
    )
    include_totals: QueryBoolean = Field(
        False,
        description="Return results inside an object with the page's count (true) or as an array (false).",
    )
    sort: str | None = Field(
        None,
        description="Field to sort by: field:1 for ascending, field:-1 for descending; log_id:-1 if absent.",
    )


class ListLogs(UserLogs):
    """A page of all log entries. With `from` or `take`, the entries after an id, in order."""

    per_page: Annotated[QueryInteger, Field(ge=0, le=100)] = Field(
        50, description="Number of results per page."
    )
    q: str | None = Field(None, description="Query in Lucene query string syntax; case-sensitive.")
    search: str | None = Field(
        None,
        max_length=1000,
        description="Prefix of a client name, connection or user name, case-insensitive. Prefer `q`.",
    )
    after: LogId | None = Field(
        None,
        alias="from",
        description="Returns the entries after this log_id, oldest first. An id begins with a time.",
    )
    take: Annotated[QueryInteger, Field(ge=1)] | None = Field(
        None, description="Number of entries after `from`. Defaults to 50; the maximum is 100."
    )


class Days(Query):
    """A range of days."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    start: Day | None = Field(None, alias="from", description="First day, YYYYMMDD. Defaults to 30 days ago.")
    end: Day | None = Field(None, alias="to", description="Last day, YYYYMMDD. Defaults to today.")


class LogEntry(Result):
    """A log entry."""

    date: str = Field("", json_schema_extra={"format": "date-time"})
    type: str = Field("", examples=["s"])
    description: str | None = None
    connection: str | None = None
    connection_id: str | None = None
    client_id: str | None = None
    client_name: str | None = None
    ip: str | None = None
    user_agent: str = Field("", examples=["Chrome 120.0.0 / Windows 10.0.0"])
    details: dict[str, Any] | None = None
    hostname: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    organization_id: str | None = None
    organization_name: str | None = None
    audience: str | None = None
    scope: str | None = None
    strategy: str | None = None
    strategy_type: str | None = None
    log_id: str = Field("", pattern="^[0-9]{56}$")
    isMobile: bool = False  # noqa: N815 - the wire's name
    references: dict[str, Any] = Field(default_factory=dict)


LogPage: Final[type[BaseModel]] = create_model(
    "LogPage",
    start=(int, ...),
    limit=(int, ...),
    length=(int, ...),
    logs=(list[LogEntry], ...),
    total=(int, ...),
)


class DayCounts(Result):
    """The counts of a day."""

    date: str = Field(json_schema_extra={"format": "date-time"})
    logins: int
    signups: int
    leaked_passwords: int
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
