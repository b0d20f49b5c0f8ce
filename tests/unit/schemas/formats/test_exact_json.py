"""JSON in and out without losing a digit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.formats.exact_json import dumps, holds_nul, loads, same

integers = (
    st.integers() | st.integers(-(10**40), 10**40) | st.sampled_from([2**53 + 1, 2**63, 2**64, -(2**64)])
)
values = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
spaces = st.sampled_from(["", " ", "\n", "\t \r\n"])


@given(values)
def test_what_goes_in_comes_out(value: Any) -> None:
    """Every JSON value survives, with its type: 1 stays 1, 1.0 stays 1.0, 10**30 stays 10**30."""
    assert same(loads(dumps(value)), value)


@given(values, spaces, spaces)
def test_anybodys_json_is_read_alike(value: Any, before: str, between: str) -> None:
    """Spacing and escapes of the JSON text do not change the value."""
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only, separators=("," + between, between + ":" + before))
        assert same(loads(before + text + between), value)


@given(
    integers,
    st.sampled_from(["%d", "[%d]", '{"a":%d}', "[0,%d]", "[\n\t %d ]", '{"a" : %d}', '["x",%d,"y"]']),
)
def test_long_integers_are_found_wherever_they_stand(number: int, pattern: str) -> None:
    """No place in a document makes a long integer a float."""
    assert str(number) in str(loads(pattern % number))


@given(st.text('0123456789,:[]{} -\\"', max_size=60))
def test_digits_in_strings_do_no_harm(text: str) -> None:
    """A string full of digits and punctuation is just a string."""
    assert loads(dumps([text, 1])) == [text, 1]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b" ", b"{", b"[1,]", b"{'a':1}", b"NaN", b"[Infinity]", b"-", b"01", b"1e400", b"-1e400",
        b"\xff", b'"\xff"', b'"\\ud800"', b'"\\udc00\\ud800"', b"[1]x", b'"\x01"', b"nul",
        b"\xef\xbb\xbf1", b"[" * 3000 + b"]" * 3000, b"[" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", [b"", b"[12345678901234567890123,"])
def test_non_strict_json_is_refused(raw: bytes, prefix: bytes) -> None:
    """Both parsers refuse equal texts; a preceding long integer does not change that."""
    with pytest.raises(ValueError):  # noqa: PT011  whatever the parser says
        loads(prefix + raw + (b"]" if prefix else b""))


@given(st.binary(max_size=80))
def test_any_bytes_give_a_value_or_a_value_error(raw: bytes) -> None:
    """Nothing but ValueError ever leaves the parser, and what it gives can be written again."""
    try:
        value = loads(raw)
    except ValueError:
        return
    assert same(loads(dumps(value)), value)


@pytest.mark.parametrize("depth", [200, 300, 900, 1000])
@pytest.mark.parametrize("leaf", [b"1", b"123456789012345678901234567890"])
def test_nesting_is_read_and_written_or_refused(depth: int, leaf: bytes) -> None:
    """Deep values are refused with ValueError on either way, never with a crash."""
    raw = b"[" * depth + leaf + b"]" * depth
    try:
        written = dumps(loads(raw))
    except ValueError:
        assert depth > 254
    else:
        assert written == raw


def test_integers_too_long_for_anybody() -> None:
    """Beyond what Python converts safely an integer is refused."""
    with pytest.raises(ValueError, match="digits"):
        loads(b"9" * 5000)


@pytest.mark.parametrize("value", [{1, 2}, object(), {"a": b"x"}, {"\ud800": 1}, float("inf")])
def test_what_json_cannot_hold(value: Any) -> None:
    """Writing refuses with TypeError or ValueError."""
    with pytest.raises((TypeError, ValueError)):
        dumps([10**30, value])


def test_duplicate_keys_take_the_last() -> None:
    """Both parsers take the last of duplicate keys, with and without long integers."""
    assert loads(b'{"a":1,"a":2}') == {"a": 2}
    assert loads(b'{"a":12345678901234567890123,"a":2}') == {"a": 2}


@given(values)
def test_nul_is_found(value: Any) -> None:
    """U+0000 in any key or string is found, and nothing else is taken for it."""
    assert holds_nul(value, dumps(value)) == ("\\u0000" in json.dumps(value).replace("\\\\", ""))


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0, False), ([1], [1.0]), ({"a": 0}, {"a": False})]
)
def test_values_python_takes_for_one_another(one: Any, other: Any) -> None:
    """Integers, floats and booleans are distinguished."""
    assert one == other
    assert not same(one, other)
