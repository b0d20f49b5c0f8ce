"""What a search means, over plain documents: written from the fact sheet (§3.2, §3.3), not from the
service.

A query is a tree of tuples. `render` writes it as a caller would; `matches` says whether a person is found.
Nothing of the service's search is used here, so that a mistake there is not made here too.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Person = Mapping[str, Any]
"""A document, with `organization_id` for memberships."""
Query = tuple[Any, ...]

FOLDED = ("email", "name", "given_name", "family_name", "nickname", "email.domain")
TEXTS = (*FOLDED, "user_id", "username", "phone_number", "last_ip")
FLAGS = ("email_verified", "phone_verified", "blocked")
INSTANTS = ("created_at", "updated_at", "last_login")
NUMBERS = ("logins_count",)
BARE = ("email", "name", "nickname", "given_name", "family_name", "username", "phone_number", "user_id")
LONGEST = 256


def fold(text: str) -> str:
    """Fold case; the two small sigmas are one letter."""
    return "".join("σ" if letter in "Σσς" else letter.lower() for letter in text)


def scalars(document: Person) -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything a document holds; arrays are no level."""
    for key, value in document.items():
        yield from _below(key, value)


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _below(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _below(path, inner)
    elif value is not None:
        yield path, value


def values_of(document: Person, field: str) -> list[Any]:
    """All values a person has in a field."""
    if field == "email.domain":
        return [document["email"].split("@")[-1]] if "email" in document else []
    return [value for path, value in scalars(document) if path == field]


def matches(query: Query, document: Person) -> bool:
    """Whether the query finds the person."""
    match query:
        case ("all",):
            return True
        case "not", inner:
            return not matches(inner, document)
        case "and", *parts:
            return all(matches(part, document) for part in parts)
        case "or", *parts:
            return any(matches(part, document) for part in parts)
        case "exists", field:
            names = [path for path, _ in scalars(document)]
            below = [path for path in names if path == field or path.startswith(field + ".")]
            return bool(below) or bool(values_of(document, field))
        case "term", None, text, _:
            return any(_term(field, document, text) for field in BARE)
        case "term", field, text, _:
            return _term(field, document, text)
        case "wild", None, parts:
            return any(_wild(field, document, parts) for field in BARE)
        case "wild", field, parts:
            return _wild(field, document, parts)
        case "range", field, low, high:
            return any(_within(field, value, low, high) for value in values_of(document, field))
    raise AssertionError(query)


def _texts(field: str, document: Person) -> list[str]:
    found = [
        value for value in values_of(document, field) if isinstance(value, str) and len(value) <= LONGEST
    ]
    return [fold(value) for value in found] if field in FOLDED else found


def _term(field: str, document: Person, text: str) -> bool:
    if field in INSTANTS:
        return any(value.startswith(text.removesuffix("Z")) for value in values_of(document, field))
    if field not in TEXTS and any(_reads_as(text, value) for value in values_of(document, field)):
        return True
    return (fold(text) if field in FOLDED else text) in _texts(field, document)


def _reads_as(text: str, value: Any) -> bool:
    """Whether an untyped text can be read as a flag or a number."""
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    number = as_number(text)
    return isinstance(value, int | float) and number is not None and Decimal(str(value)) == number


def as_number(text: str) -> Decimal | None:
    """The number in plain notation, if it is one."""
    digits = text.removeprefix("-")
    plain = digits.replace(".", "", 1)
    ends = digits[:1].isdigit() and digits[-1:].isdigit()
    return Decimal(text) if plain.isascii() and plain.isdigit() and ends else None


def _wild(field: str, document: Person, parts: tuple[str, ...]) -> bool:
    literals = [fold(part) for part in parts] if field in FOLDED else list(parts)
    return any(_fits(text, literals) for text in _texts(field, document))


def _fits(text: str, parts: list[str]) -> bool:
    first, *middle, last = parts
    if not text.startswith(first):
        return False
    place = len(first)
    for part in middle:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - len(last) >= place and text.endswith(last)


Bound = tuple[str, bool, bool] | None
"""(text, quoted, inclusive)"""


def _within(field: str, value: Any, low: Bound, high: Bound) -> bool:
    bounds = [bound for bound in (low, high) if bound is not None]
    if field in INSTANTS:
        return _within_dates(value, low, high)
    if field in NUMBERS:
        return _within_numbers(value, low, high)
    if field in TEXTS:
        return len(value) <= LONGEST and _within_texts(field, value, low, high)
    if all(not quoted and as_number(text) is not None for text, quoted, _ in bounds):
        return _within_numbers(value, low, high)
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    return _within_dated_texts(value, low, high)


def _within_dated_texts(value: str, low: Bound, high: Bound) -> bool:
    """Whether an untyped string is in the range; a bound that is a month or finer includes the texts that
    begin with it."""
    if low is not None and not low[2] and is_dated(low[0]) and value.startswith(low[0]):
        return False
    if high is not None and high[2] and is_dated(high[0]) and value.startswith(high[0]):
        high = None
    return _within_texts("", value, low, high)


def is_dated(text: str) -> bool:
    """Year, month and perhaps more, in the form of a timestamp."""
    form = "".join("9" if letter in "0123456789" else letter for letter in text)
    whole = "9999-99-99T99:99:99"
    return form in [whole[:length] for length in (7, 10, 13, 16, 19)]


def _within_dates(value: str, low: Bound, high: Bound) -> bool:
    """A date is the beginning of every moment in it."""
    if low is not None:
        start = low[0].removesuffix("Z")
        if value < start or (not low[2] and value.startswith(start)):
            return False
    if high is not None:
        end = high[0].removesuffix("Z")
        return value < end or (high[2] and value.startswith(end))
    return True


def _within_numbers(value: Any, low: Bound, high: Bound) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    number = Decimal(str(value))
    above = low is None or number > Decimal(low[0]) or (low[2] and number == Decimal(low[0]))
    return above and (high is None or number < Decimal(high[0]) or (high[2] and number == Decimal(high[0])))


def _within_texts(field: str, value: str, low: Bound, high: Bound) -> bool:
    form = fold if field in FOLDED else str
    text = form(value)
    if low is not None and (text < form(low[0]) or (not low[2] and text == form(low[0]))):
        return False
    return high is None or text < form(high[0]) or (high[2] and text == form(high[0]))


def render(query: Query) -> str:
    """The query as a caller would write it."""
    match query:
        case ("all",):
            return "*"
        case "not", inner:
            return f"NOT {_grouped(inner)}"
        case ("and" | "or") as operator, *parts:
            return f" {operator.upper()} ".join(map(_grouped, parts))
        case "exists", field:
            return f"_exists_:{_escaped(field, '._')}"
        case "term", field, text, quoted:
            return _of(field) + (_quoted(text) if quoted or not text or "\n" in text else _word(text))
        case "wild", field, parts:
            return _of(field) + "*".join(_escaped(part) for part in parts)
        case "range", field, low, high:
            start, end = ("{" if low and not low[2] else "["), ("}" if high and not high[2] else "]")
            return f"{_of(field)}{start}{_bound(low)} TO {_bound(high)}{end}"
    raise AssertionError(query)


def _grouped(query: Query) -> str:
    return f"({render(query)})" if query[0] in ("and", "or", "not") else render(query)


def _bound(bound: Bound) -> str:
    if bound is None:
        return "*"
    return _quoted(bound[0]) if bound[1] or not bound[0] or "\n" in bound[0] else _word(bound[0])


def _of(field: str | None) -> str:
    return "" if field is None else f"{_escaped(field, '._')}:"


def _word(text: str) -> str:
    return f"\\{text}" if text in ("AND", "OR", "NOT", "TO") else _escaped(text)


def _escaped(text: str, plain: str = "") -> str:
    return "".join(letter if letter.isalnum() or letter in plain else f"\\{letter}" for letter in text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
