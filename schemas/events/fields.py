"""Field classes: each field of an event's data declares who may read it."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from schemas.formats.characters import is_safe
from schemas.formats.identifiers import CONNECTION_PATTERN
from schemas.formats.violations import RULE

OPEN: Final = "open"
PROFILE: Final = "profile"
ACTIVITY: Final = "activity"


def _safe(text: str) -> str:
    if not is_safe(text):
        raise PydanticCustomError(RULE, "Expected no control and no bidirectional characters")
    return text


SAFE: Final = AfterValidator(_safe)
"""The last annotation of an identifier. It refuses characters that command a terminal."""
ConnectionName = Annotated[str, Field(pattern=CONNECTION_PATTERN)]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]{1,128}$")]
IdpId = Annotated[str, Field(min_length=1, max_length=1024)] | int
"""A provider's own id of a user, without prefix, in the type that the provider uses."""
Scope = Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,128}$")]
"""A scope token as RFC 6749 §3.3 defines it."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
CorrelationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
TraceParent = Annotated[str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""`traceparent` of W3C Trace Context."""
OperationName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ ,'()-]{0,99}$")]
"""The summary of an operation of the Management API, for example `Update a User`."""


class EventData(BaseModel):
    """The payload of an event. Each field is annotated OPEN, PROFILE or ACTIVITY; the mapper seals
    accordingly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Raises TypeError when a field has no class."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            if field_class(info) is None:
                raise TypeError(f"{cls.__name__}.{name} must be OPEN, PROFILE or ACTIVITY")


def field_class(info: FieldInfo) -> str | None:
    """Return the class of a field, or None if it has none."""
    return next((item for item in info.metadata if item in (OPEN, PROFILE, ACTIVITY)), None)


class CommandData(EventData):
    """The payload of an event that an API request caused.

    Every event of a command carries the caller's own `correlation_id` and `traceparent`.
    `expected_revision` is the revision of the caller's `If-Match`; the fold rejects the event if the
    profile has another one by then. The first event of a command also records the request: `operation`,
    `method`, `path`, `query`, `body` (secrets masked), `scopes`, `ip`, `user_agent`, `status` (of the
    response if the command takes effect) and, if the profile is larger than recommended, the number of
    its bytes. Later events of the command carry only `ip` and `user_agent`.
    """

    expected_revision: Annotated[int | None, OPEN] = None
    operation: Annotated[OperationName | None, OPEN] = None
    request: Annotated[dict[str, Any] | None, ACTIVITY] = None
    correlation_id: Annotated[CorrelationId | None, ACTIVITY] = None
    traceparent: Annotated[TraceParent | None, ACTIVITY] = None
    profile_bytes: Annotated[int | None, OPEN] = None
