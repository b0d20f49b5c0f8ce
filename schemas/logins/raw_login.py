"""A login as a gateway reports it: CloudEvents 1.0 in JSON, type `vita.login.v1`.

Known members are validated strictly. Unknown members are ignored, and `claims` may be any JSON object.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.errors import InvalidEvent
from schemas.events.fields import SAFE, ClientId, ConnectionName, Slug
from schemas.formats import exact_json
from schemas.formats.characters import replaced
from schemas.formats.identifiers import TENANT_PATTERN
from schemas.formats.spelling import ip_address
from schemas.formats.value_count import MOST_VALUES, exceeds, surely_exceeds
from schemas.formats.violations import RULE, violations
from schemas.logins import reasons
from schemas.logins.raw_access import (
    Instant,
    RawConnectedAccount,
    RawDevice,
    RawRefreshToken,
    RawSession,
    ScopeText,
    Text,
)

MAX_BYTES: Final = 768 * 1024
"""Maximum size of a raw login, so that its sealed event fits the topic. Ingest refuses a larger one, and
the normalizer quarantines it."""
MAX_DEPTH: Final = 64
EVENT_TYPE: Final = "vita.login.v1"


def _address(text: str) -> str:
    address = ip_address(text)
    if address is None:
        raise PydanticCustomError(RULE, "Expected an IPv4 or IPv6 address")
    return address


IpAddress = Annotated[
    str,
    Field(max_length=100),
    AfterValidator(_address),
]
"""IPv4 or IPv6 in any notation, also with brackets, a port or a zone; stored in canonical notation."""
Identifier = Annotated[str, Field(min_length=1, max_length=512)]


_RULES_BETWEEN_MEMBERS: Final[list[JsonValue]] = [
    {
        "if": {"properties": {"outcome": {"const": "failure"}}, "required": ["outcome"]},
        "then": {"properties": {"reason": {"type": "string"}}, "required": ["reason"]},
    },
    {
        "anyOf": [
            {"properties": {"claims": {"minProperties": 1}}, "required": ["claims"]},
            {"properties": {"identifier": {"type": "string"}}, "required": ["identifier"]},
        ]
    },
]
"""The rules of `Login._names_a_person_and_a_reason` for the published JSON Schema."""


class Login(BaseModel):
    """`data` of a raw login.

    `strategy` is required if the connection is not registered yet, `reason` if the login failed.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", json_schema_extra={"allOf": _RULES_BETWEEN_MEMBERS}
    )

    connection: ConnectionName = Field(description="Name of the connection through which the user logged in.")
    strategy: Slug | None = Field(
        None, description="Kind of identity provider. Required for a connection that Vita does not know."
    )
    outcome: Literal["success", "failure"]
    reason: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description=f"Why the login failed. {reasons.table()}"
    )
    claims: dict[str, Any] = Field(
        default_factory=dict,
        description="Exactly what the provider returned, SAML multi-values as lists; may be absent where "
        "`identifier` identifies the user.",
    )
    identifier: Identifier | None = Field(
        None, description="What the user typed: e-mail address, username or phone number."
    )
    client_id: ClientId | None = Field(None, description="The application to which the user logged in.")
    ip: IpAddress | None = None
    user_agent: Annotated[str, Field(max_length=4096), AfterValidator(replaced)] | None = None
    session_id: Annotated[str, Field(max_length=512), SAFE] | None = None
    tokens: dict[str, Any] | None = Field(None, description="The provider's tokens. They are stored sealed.")
    protocol: Slug | None = None
    session: RawSession | None = Field(None, description="The session of `session_id`.")
    refresh_token: RawRefreshToken | None = Field(
        None, description="The refresh token that was issued or used, named by its id."
    )
    device: RawDevice | None = None
    audience: Text | None = Field(None, description="The API to which access was granted.")
    scope: ScopeText | None = Field(None, description="The scopes that were granted, separated by spaces.")
    organization_id: Text | None = Field(None, description="The organization to which the user logged in.")
    connected_account: RawConnectedAccount | None = Field(
        None, description="An account at a provider that the application may use from now on."
    )

    @model_validator(mode="after")
    def _names_a_person_and_a_reason(self) -> "Login":
        if self.outcome == "failure" and self.reason is None:
            raise PydanticCustomError(RULE, "Missing required property: reason (why the login failed)")
        if not self.claims and self.identifier is None:
            raise PydanticCustomError(RULE, "Either claims or identifier must identify a person")
        return self


class RawLogin(BaseModel):
    """The event. `source` and `id` together identify it: a retry sends both again and counts once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1, max_length=256), SAFE]
    source: Annotated[str, Field(min_length=1, max_length=512), SAFE]
    type: Literal["vita.login.v1"]
    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    time: Instant = Field(
        None,
        description="When the user logged in. If absent or outside 1970 to 9999, the broker's time counts.",
    )
    datacontenttype: Literal["application/json"] = "application/json"
    data: Login


def parse_raw_login(raw: bytes) -> RawLogin:
    """Parse the value of a record.

    Raises InvalidEvent when it is not a valid login; `detail` helps the gateway's developer.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidEvent("too_large", f"The event has {len(raw)} bytes, maximum {MAX_BYTES}.")
    if surely_exceeds(raw):
        raise InvalidEvent("contract", f"'More than {MOST_VALUES} values'")
    try:
        document = exact_json.loads(raw)
    except ValueError as error:
        raise InvalidEvent("not_json") from error
    return check_raw_login(document, raw)


def check_raw_login(document: Any, raw: bytes) -> RawLogin:
    """Validate a `document` that was parsed from `raw`.

    Raises InvalidEvent when it is not a valid login; `detail` helps the gateway's developer.
    """
    if exceeds(document, raw):
        raise InvalidEvent("contract", f"'More than {MOST_VALUES} values'")
    if exact_json.holds_nul(document, raw):
        raise InvalidEvent("nul_character", f"'Text must not contain U+0000'{_place_of_nul(document, raw)}")
    if raw.count(b"{") + raw.count(b"[") >= MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise InvalidEvent("contract", f"'Nested deeper than {MAX_DEPTH} levels'")
    try:
        return RawLogin.model_validate(document)
    except ValidationError as error:
        raise InvalidEvent("contract", violations(error)) from None


def unknown_members(event: Mapping[str, Any]) -> list[str]:
    """Return the paths of the members of a valid event's `data` that Vita does not know and ignores.

    An example is `data.session.expires`. Most events have none.
    """
    return [f"data.{path}" for path in _unknown(event["data"], Login)]


def known_members(path: str) -> list[str]:
    """Return the members that Vita knows in the object that holds the member at this path."""
    model: type[BaseModel] = Login
    for name in path.split(".")[1:-1]:
        model = PARTS[name]
    return list(model.model_fields)


PARTS: Final[Mapping[str, type[BaseModel]]] = {
    "session": RawSession,
    "refresh_token": RawRefreshToken,
    "device": RawDevice,
    "connected_account": RawConnectedAccount,
}
"""Members of `data` that are objects with members defined by Vita."""


_MEMBERS: Final[Mapping[type[BaseModel], frozenset[str]]] = {
    Login: frozenset(Login.model_fields),
    **{part: frozenset(part.model_fields) for part in PARTS.values()},
}


def _unknown(value: Mapping[str, Any], model: type[BaseModel]) -> Iterator[str]:
    if not _MEMBERS[model].issuperset(value):
        yield from sorted(value.keys() - _MEMBERS[model])
    if model is Login and not PARTS.keys().isdisjoint(value):
        for name, part in PARTS.items():
            if isinstance(inner := value.get(name), dict):
                yield from (f"{name}.{member}" for member in _unknown(inner, part))


def _place_of_nul(event: Any, raw: bytes) -> str:
    """Return ` on property data.claims` for the first known member with U+0000 in it, or an empty text."""
    if isinstance(event, dict):
        data = event.get("data")
        holders = (("data.", Login, data if isinstance(data, dict) else {}), ("", RawLogin, event))
        for path, model, holder in holders:
            for name in model.model_fields:
                if exact_json.holds_nul(holder.get(name), raw):
                    return f" on property {path}{name}"
    return ""


def _depth(value: Any) -> int:
    levels, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
