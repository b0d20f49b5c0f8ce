"""Validates requests with models and produces Auth0's error texts."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.formats.violations import (
    OF_THE_OBJECT,
    RULE,
    context,
    too_few,
    too_long_text,
    too_many,
    too_short_text,
    type_name,
    unexpected_type,
)
from services.runtime.rejection import Rejected, Rejection, invalid, violation

M = TypeVar("M", bound=BaseModel)
InputPart = Literal["Payload", "Query"]
_CODES: Final[Mapping[InputPart, str]] = {"Payload": "invalid_body", "Query": "invalid_query_string"}
_ECHOED_CHARACTERS: Final = 200
FORMAT: Final = "format"
"""Custom error type for a value that does not have a named format."""


def validate(model: type[M], value: object, part: InputPart = "Payload") -> M:
    """Return the value as the model. Raises Rejected for the first error; errors of an object precede those
    of its members."""
    expected = "array" if issubclass(model, RootModel) else "object"
    if type_name(value) != expected:
        reason = f"Expected type {expected} but found type {type_name(value)}"
        raise Rejected(invalid(violation(part, reason), _CODES[part]))
    least = getattr(model, "at_least", 0)
    if isinstance(value, dict) and len(value) < least:
        reason = f"Too few properties defined ({len(value)}), minimum {least}"
        raise Rejected(invalid(violation(part, reason), _CODES[part]))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Rejected(_refusal(error, model, part)) from None


def _refusal(error: ValidationError, model: type[BaseModel], part: InputPart) -> Rejection:
    details = min(error.errors(include_url=False), key=lambda item: item["type"] not in OF_THE_OBJECT)
    location = details["loc"][:-1] if details["type"] in OF_THE_OBJECT else details["loc"]
    path = ".".join(str(step) for step in location) or None
    reason = _REASONS.get(details["type"], unexpected_type)(details)
    return invalid(violation(part, reason, path, _description(model, location)), _CODES[part])


def _description(model: type[BaseModel], location: tuple[int | str, ...]) -> str | None:
    if not location:
        return None
    field = model.model_fields.get(str(location[0]))
    return None if field is None or field.description is None else field.description.rstrip(".")


def _echo(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _ECHOED_CHARACTERS else text[:_ECHOED_CHARACTERS] + "…"


_REASONS: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    "missing": lambda details: f"Missing required property: {details['loc'][-1]}",
    "extra_forbidden": lambda details: f"Additional properties not allowed: {_echo(details['loc'][-1])}",
    "string_too_short": too_short_text,
    "string_too_long": too_long_text,
    "string_pattern_mismatch": lambda details: (
        f"String does not match pattern {context(details, 'pattern')}: {_echo(details['input'])}"
    ),
    "less_than_equal": lambda details: (
        f"Value {_echo(details['input'])} is greater than maximum {context(details, 'le')}"
    ),
    "greater_than_equal": lambda details: (
        f"Value {_echo(details['input'])} is less than minimum {context(details, 'ge')}"
    ),
    "literal_error": lambda details: f"No enum match for: {_echo(details['input'])}",
    "enum": lambda details: f"No enum match for: {_echo(details['input'])}",
    "too_short": too_few,
    "too_long": too_many,
    FORMAT: lambda details: (
        f"Object didn't pass validation for format {context(details, 'name')}: {_echo(details['input'])}"
    ),
    RULE: lambda details: details["msg"],
}
