"""Field types shared by the request models."""

import re
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from projections.normalization.claims.values import is_picture
from schemas.formats.email import is_email
from schemas.formats.violations import RULE, type_name
from services.management.http.validation import FORMAT

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_URI: Final = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_KEYS: Final = r"^[^.$]*$"
MOST_AT_ONCE: Final = 1000
"""The maximum number of users, roles or permissions that one request may name."""
_INTEGER: Final = re.compile(r"-?[0-9]{1,12}")
FORBIDDEN_APP_METADATA: Final = frozenset((
    "__tenant", "_id", "blocked", "clientID", "created_at", "email_verified", "email", "globalClientID",
    "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount", "metadata",
    "multifactor_last_modified", "multifactor", "updated_at", "user_id",
))  # fmt: skip


class Body(BaseModel):
    """A request body. Unknown properties are rejected, and values are not coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    at_least: ClassVar[int] = 0
    """The minimum number of properties in the body."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        if cls.at_least:
            handler.resolve_ref_schema(found)["minProperties"] = cls.at_least
        return found

    def given(self, name: str) -> bool:
        """Whether the body contains the property, possibly with the value null."""
        return name in self.model_fields_set


class _Given:
    """Marks a property that may be absent (its value is then None) but not null."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


Given: Final = _Given()


def _email(text: str) -> str:
    if not is_email(text):
        raise PydanticCustomError(FORMAT, "not an email", {"name": "email"})
    return text


def _uri(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = _SCHEME.fullmatch(parts.scheme) and (parts.netloc or parts.path) and _URI.fullmatch(text)
    except ValueError:
        usable = None
    if not usable:
        raise PydanticCustomError(FORMAT, "not a URI", {"name": "strict-uri"})
    return text


def _picture(text: str) -> str:
    if not is_picture(_uri(text)):
        raise PydanticCustomError(FORMAT, "not a picture", {"name": "uri (http, https or data:image)"})
    return text


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            for key in item:
                if "." in key or "$" in key:
                    raise PydanticCustomError(RULE, "Property names may not contain '.' or '$'")
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return value


def _app_metadata(value: dict[str, Any]) -> dict[str, Any]:
    forbidden = sorted(FORBIDDEN_APP_METADATA & value.keys())
    if forbidden:
        raise PydanticCustomError(
            RULE, "Additional properties not allowed: {names}", {"names": ",".join(forbidden)}
        )
    return _metadata(value)


def _integer(value: object) -> object:
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise PydanticCustomError(
            RULE, "Expected type integer but found type {found}", {"found": type_name(value)}
        )
    return value


def _boolean(value: object) -> object:
    match value:
        case "true":
            return True
        case "false":
            return False
    raise PydanticCustomError(
        RULE, "Expected type boolean but found type {found}", {"found": type_name(value)}
    )


Email = Annotated[str, AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email"})]
Uri = Annotated[str, AfterValidator(_uri), WithJsonSchema({"type": "string", "format": "uri"})]
Picture = Annotated[
    str,
    AfterValidator(_picture),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^([hH][tT][tT][pP][sS]?://|data:image/)"}),
]
UserMetadata = Annotated[
    dict[str, Any],
    AfterValidator(_metadata),
    WithJsonSchema({"type": "object", "propertyNames": {"pattern": _KEYS}}),
]
AppMetadata = Annotated[
    dict[str, Any],
    AfterValidator(_app_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": _KEYS, "not": {"enum": sorted(FORBIDDEN_APP_METADATA)}},
        }
    ),
]
QueryInteger = Annotated[int, BeforeValidator(_integer)]
QueryBoolean = Annotated[bool, BeforeValidator(_boolean)]
