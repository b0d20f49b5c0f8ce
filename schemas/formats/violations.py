"""Describes what is wrong with a document: which rule it violates, where, and what is expected.

The sentences follow the form of the Management API (`'<rule>' on property <path>`). They contain no value
of the document, so that dead letters and logs may hold them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

RULE: Final = "rule"
"""Type of a PydanticCustomError whose message is the sentence itself."""
_SHOWN: Final = 10


def violations(error: ValidationError) -> str:
    """Return the sentences of the first ten violations, separated by `; `."""
    found = error.errors(include_url=False)
    sentences = [_violation(details) for details in found[:_SHOWN]]
    if len(found) > _SHOWN:
        sentences.append(f"{len(found) - _SHOWN} more")
    return "; ".join(sentences)


def type_name(value: object) -> str:
    """Return the JSON type of a value."""
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


def unexpected_type(details: ErrorDetails) -> str:
    """Return the sentence for a value of the wrong JSON type."""
    expected = _EXPECTED.get(details["type"], details["type"].replace("_", " "))
    return f"Expected type {expected} but found type {type_name(details['input'])}"


def too_few(details: ErrorDetails) -> str:
    """Return the sentence for an array or object with too few members."""
    found, least = context(details, "actual_length"), context(details, "min_length")
    if isinstance(details["input"], dict):
        return f"Too few properties defined ({found}), minimum {least}"
    return f"Array is too short ({found}), minimum {least}"


def too_many(details: ErrorDetails) -> str:
    """Return the sentence for an array or object with too many members."""
    found, most = context(details, "actual_length"), context(details, "max_length")
    if isinstance(details["input"], dict):
        return f"Too many properties defined ({found}), maximum {most}"
    return f"Array is too long ({found}), maximum {most}"


def too_short_text(details: ErrorDetails) -> str:
    """Return the sentence for a text that is too short."""
    return f"String is too short ({len(details['input'])} chars), minimum {context(details, 'min_length')}"


def too_long_text(details: ErrorDetails) -> str:
    """Return the sentence for a text that is too long."""
    return f"String is too long ({len(details['input'])} chars), maximum {context(details, 'max_length')}"


def context(details: ErrorDetails, name: str) -> Any:
    """Return a parameter of the violated rule, or None if the rule has no such parameter."""
    return details.get("ctx", {}).get(name)


def _violation(details: ErrorDetails) -> str:
    location = details["loc"]
    sentence = _SENTENCES.get(details["type"], unexpected_type)(details)
    if details["type"] in OF_THE_OBJECT:
        location = location[:-1]
    path = ".".join(str(part) for part in location)
    return f"'{sentence}' on property {path}" if path else f"'{sentence}'"


OF_THE_OBJECT: Final = frozenset(("missing", "extra_forbidden"))
"""Rules about the set of an object's members; their location ends with the member's name."""
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "integer",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "list_type": "array",
    "tuple_type": "array",
}
_SENTENCES: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    "missing": lambda details: f"Missing required property: {details['loc'][-1]}",
    "extra_forbidden": lambda details: "Additional properties not allowed",
    "string_too_short": too_short_text,
    "string_too_long": too_long_text,
    "string_pattern_mismatch": lambda details: f"String does not match pattern {context(details, 'pattern')}",
    "less_than_equal": lambda details: f"Value is greater than maximum {context(details, 'le')}",
    "greater_than_equal": lambda details: f"Value is less than minimum {context(details, 'ge')}",
    "literal_error": lambda details: f"Expected {context(details, 'expected')}",
    "enum": lambda details: f"Expected {context(details, 'expected')}",
    "union_tag_invalid": lambda details: f"Expected one of {context(details, 'expected_tags')}",
    "too_short": too_few,
    "too_long": too_many,
    RULE: lambda details: details["msg"],
}
