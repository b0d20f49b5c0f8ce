"""JSON that keeps every integer exact (RFC 8259).

orjson reads integers beyond 64 bits as floats, and provider ids can be longer. Documents that hold one
are read with the standard library, which is slower and exact.
"""

import json
import re
from typing import Any, Final

import orjson

_LONG_RUN: Final = b"0" * 19
_ZEROS: Final = re.compile(b"0+")
_DIGITS_AS_ZEROS: Final = bytes.maketrans(b"0123456789", b"0" * 10)


def loads(raw: bytes | bytearray | memoryview | str) -> Any:
    """Return the value of a JSON text.

    Raises ValueError when the text is not strict JSON: bad UTF-8, lone surrogates, NaN or Infinity,
    numbers beyond a double, nesting deeper than the parser follows (about 1,000 levels).
    """
    data = raw.encode("utf-8", "strict") if isinstance(raw, str) else bytes(raw)
    if _may_hold_long_integer(data):
        return _loads_exact(data)
    return orjson.loads(data)


def dumps(value: Any) -> bytes:
    """Return a value as UTF-8 JSON without spaces. Raises TypeError or ValueError if JSON cannot hold it."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _dumps_exact(value)


def _may_hold_long_integer(data: bytes) -> bool:
    zeros = data.translate(_DIGITS_AS_ZEROS)
    start = zeros.find(_LONG_RUN)
    while start >= 0:
        before = start - 1 - (data[start - 1 : start] == b"-")
        while before >= 0 and data[before] in b" \t\r\n":
            before -= 1
        if before < 0 or data[before] in b":[,":
            return True
        start = zeros.find(_LONG_RUN, _run_end(zeros, start))
    return False


def _run_end(zeros: bytes, start: int) -> int:
    run = _ZEROS.match(zeros, start)
    return start if run is None else run.end()


def holds_nul(value: Any, raw: bytes) -> bool:
    """Return whether a key or string of the value parsed from `raw` holds U+0000.

    JSON allows the character, PostgreSQL cannot store it.
    """
    if b"\\u0000" not in raw:
        return False
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                if "\x00" in text:
                    return True
            case dict() as mapping:
                pending.extend(mapping.keys())
                pending.extend(mapping.values())
            case list() as items:
                pending.extend(items)
    return False


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal as JSON. 1, 1.0 and true differ, and so do 0.0 and -0.0, although
    Python takes them for equal."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    match one:
        case dict():
            return all(same(value, other[key]) for key, value in one.items())
        case list():
            return all(map(same, one, other))
        case float():
            return repr(one) == repr(other)
    return True


def _loads_exact(data: bytes) -> Any:
    try:
        value = json.loads(data.decode("utf-8", "strict"), parse_constant=_refuse, parse_float=_finite)
        dumps(value)
    except (RecursionError, TypeError) as error:
        raise ValueError("nested too deeply") from error
    return value


def _dumps_exact(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return text.encode("utf-8", "strict")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number
