"""Models against what callers send, and the documented words for what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from services.management.refusals import Refusal, Refused, bad_request, violation

M = TypeVar("M", bound=BaseModel)
Place = Literal["Payload", "Query"]
_CODES: Final[Mapping[Place, str]] = {"Payload": "invalid_body", "Query": "invalid_query_string"}
_ECHOED_CHARACTERS: Final = 200
RULE: Final = "rule"
"""Custom error type whose message is the reason itself."""
FORMAT: Final = "format"
"""Custom error type of a value that lacks a named format."""


def validate(model: type[M], value: object, place: Place = "Payload") -> M:
    """The value as the model. Raises Refused with the first fault, the object's own before its members'."""
    expected = "array" if issubclass(model, RootModel) else "object"
    if type_name(value) != expected:
        reason = f"Expected type {expected} but found type {type_name(value)}"
        raise Refused(bad_request(violation(place, reason), _CODES[place]))
    least = getattr(model, "at_least", 0)
    if isinstance(value, dict) and len(value) < least:
        reason = f"Too few properties defined ({len(value)}), minimum {least}"
        raise Refused(bad_request(violation(place, reason), _CODES[place]))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Refused(_refusal(error, model, place)) from None


def type_name(value: object) -> str:
    """What JSON calls the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
    return "object"


def _refusal(error: ValidationError, model: type[BaseModel], place: Place) -> Refusal:
    details = min(error.errors(include_url=False), key=lambda item: item["type"] not in _OF_THE_OBJECT)
    location = details["loc"][:-1] if details["type"] in _OF_THE_OBJECT else details["loc"]
    path = ".".join(str(part) for part in location) or None
    reason = _REASONS.get(details["type"], _unexpected_type)(details)
    return bad_request(violation(place, reason, path, _description(model, location)), _CODES[place])


def _description(model: type[BaseModel], location: tuple[int | str, ...]) -> str | None:
    if not location:
        return None
    field = model.model_fields.get(str(location[0]))
    return None if field is None or field.description is None else field.description.rstrip(".")


def _echo(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _ECHOED_CHARACTERS else text[:_ECHOED_CHARACTERS] + "…"


def _context(details: ErrorDetails, name: str) -> Any:
    return details.get("ctx", {}).get(name)


def _too_few(details: ErrorDetails) -> str:
    found, least = _context(details, "actual_length"), _context(details, "min_length")
    if isinstance(details["input"], dict):
        return f"Too few properties defined ({found}), minimum {least}"
    return f"Array is too short ({found}), minimum {least}"


def _too_many(details: ErrorDetails) -> str:
    found, most = _context(details, "actual_length"), _context(details, "max_length")
    if isinstance(details["input"], dict):
        return f"Too many properties defined ({found}), maximum {most}"
    return f"Array is too long ({found}), maximum {most}"


def _unexpected_type(details: ErrorDetails) -> str:
    expected = _EXPECTED.get(details["type"], details["type"].replace("_", " "))
    return f"Expected type {expected} but found type {type_name(details['input'])}"


_OF_THE_OBJECT: Final = frozenset(("missing", "extra_forbidden"))
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "integer",
    "dict_type": "object",
    "model_type": "object",
    "list_type": "array",
    "tuple_type": "array",
}
_REASONS: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    "missing": lambda details: f"Missing required property: {details['loc'][-1]}",
    "extra_forbidden": lambda details: f"Additional properties not allowed: {_echo(details['loc'][-1])}",
    "string_too_short": lambda details: (
        f"String is too short ({len(details['input'])} chars), minimum {_context(details, 'min_length')}"
    ),
    "string_too_long": lambda details: (
        f"String is too long ({len(details['input'])} chars), maximum {_context(details, 'max_length')}"
    ),
    "string_pattern_mismatch": lambda details: (
        f"String does not match pattern {_context(details, 'pattern')}: {_echo(details['input'])}"
    ),
    "less_than_equal": lambda details: (
        f"Value {_echo(details['input'])} is greater than maximum {_context(details, 'le')}"
    ),
    "greater_than_equal": lambda details: (
        f"Value {_echo(details['input'])} is less than minimum {_context(details, 'ge')}"
    ),
    "literal_error": lambda details: f"No enum match for: {_echo(details['input'])}",
    "enum": lambda details: f"No enum match for: {_echo(details['input'])}",
    "too_short": _too_few,
    "too_long": _too_many,
    FORMAT: lambda details: (
        f"Object didn't pass validation for format {_context(details, 'name')}: {_echo(details['input'])}"
    ),
    RULE: lambda details: details["msg"],
}
