"""Field classes: every field of an event's data says how far it may be read."""

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
"""Last in the annotation of an identifier, which holds no character that commands a terminal."""
ConnectionName = Annotated[str, Field(pattern=CONNECTION_PATTERN)]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]{1,128}$")]
IdpId = Annotated[str, Field(min_length=1, max_length=1024)] | int
"""A provider's own id of a person, without prefix, in the type the provider uses."""
Scope = Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,128}$")]
"""A scope token as RFC 6749 §3.3 allows it."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
CorrelationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
TraceParent = Annotated[str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""`traceparent` of W3C Trace Context."""
OperationName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ ,'()-]{0,99}$")]
"""The title of an operation of the Management API, such as `Update a User`."""


class EventData(BaseModel):
    """The payload of an event: each field annotated OPEN, PROFILE or ACTIVITY; the mapper seals by that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuses a field that does not say how far it may be read."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            if field_class(info) is None:
                raise TypeError(f"{cls.__name__}.{name} must be OPEN, PROFILE or ACTIVITY")


def field_class(info: FieldInfo) -> str | None:
    """The reading class of a field, None when it was not given."""
    return next((item for item in info.metadata if item in (OPEN, PROFILE, ACTIVITY)), None)


class CommandData(EventData):
    """What somebody asked for through an API; every event of a command carries the caller's own
    `correlation_id` and `traceparent`.

    `expected_revision` is the one the caller had seen (If-Match): the fold refuses the event when things have
    moved on. The first event of a command also says which operation it was and how it was asked for:
    `method`, `path`, `query`, `body` (secrets masked), `scopes`, `ip`, `user_agent`, `status` when it takes
    effect; and, where that is more than is advised, how many bytes the whole profile has with it. Later
    events of the same command carry only `ip` and `user_agent` of the request.
    """

    expected_revision: Annotated[int | None, OPEN] = None
    operation: Annotated[OperationName | None, OPEN] = None
    request: Annotated[dict[str, Any] | None, ACTIVITY] = None
    correlation_id: Annotated[CorrelationId | None, ACTIVITY] = None
    traceparent: Annotated[TraceParent | None, ACTIVITY] = None
    profile_bytes: Annotated[int | None, OPEN] = None
