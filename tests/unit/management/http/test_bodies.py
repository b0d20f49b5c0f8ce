"""Bodies: JSON or form, and only what can be stored."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.management.http.errors import HttpError, error_response
from services.management.http.pipeline.bodies import FORM, JSON, MAX_DEPTH, parse
from services.management.users.models import UpdateUser
from services.runtime.rejection import Rejected


def refused(raw: bytes, media: str = JSON) -> Any:
    with pytest.raises((Rejected, HttpError)) as caught:
        parse(raw, media, UpdateUser)
    error = caught.value
    return error_response(error.rejection if isinstance(error, Rejected) else error.response)


@pytest.mark.parametrize(
    "raw",
    [b"{", b"nope", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b'{"a":"\xff"}', b'{"a":"\\ud800"}',
     b"[" * 5000 + b"]" * 5000, b'{"a":' + b"9" * 5000 + b"}", b"\xef\xbb\xbf{}"],
)  # fmt: skip
def test_non_strict_json_is_refused(raw: bytes) -> None:
    """Bad syntax, bad text, numbers beyond all bounds, bottomless nesting."""
    assert (refused(raw).status, refused(raw).error_code) == (400, "invalid_body")


def test_nul_characters_cannot_be_stored() -> None:
    """In values and in keys; an escaped backslash before u0000 is only text."""
    assert "NUL" in refused(b'{"name":"a\\u0000b"}').message
    assert "NUL" in refused(b'{"user_metadata":{"\\u0000":[1]}}').message
    assert "NUL" in refused(b"name=a%00b", FORM).message
    assert parse(b'{"name":"a\\\\u0000b"}', JSON, UpdateUser) == {"name": "a\\u0000b"}


def test_nesting_has_a_limit() -> None:
    """64 levels pass, 65 do not; many small objects side by side are no nesting."""
    assert "levels" in refused(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)).message
    parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, JSON, UpdateUser)
    parse(b"[" + b",".join([b"{}"] * 500) + b"]", JSON, UpdateUser)


def test_long_integers_stay_exact() -> None:
    """Beyond 2^64 too."""
    assert parse(b'{"a":%d}' % 10**30, JSON, UpdateUser) == {"a": 10**30}


def test_other_media_types_are_refused() -> None:
    """415, and no guessing."""
    assert refused(b"<a/>", "text/xml").status == 415


def test_an_empty_body_is_null() -> None:
    """What the model makes of it is the model's affair."""
    assert parse(b"  ", JSON, UpdateUser) is None


def test_forms_stand_for_objects() -> None:
    """Brackets nest, words become booleans where the model has one, text stays text."""
    raw = b"name=A+B&blocked=true&user_metadata[color]=true&user_metadata[l][]=1&user_metadata[l][]=2"
    assert parse(raw, FORM, UpdateUser) == {
        "name": "A B",
        "blocked": True,
        "user_metadata": {"color": "true", "l": ["1", "2"]},
    }


@pytest.mark.parametrize(
    "raw", [b"a=1&a[b]=2", b"a[b]=1&a=2&a[c]=3", b"a=%ff", "a=ü".encode(), b"a[b][]=1&a[b][c]=2"]
)
def test_forms_that_contradict_themselves_are_refused(raw: bytes) -> None:
    """A name cannot be text and an object; bytes must be text."""
    assert refused(raw, FORM).error_code == "invalid_body"


@given(st.binary(max_size=200), st.sampled_from([JSON, FORM]))
def test_any_bytes_are_read_or_refused(raw: bytes, media: str) -> None:
    """Nothing else is ever raised."""
    with suppress(Rejected):
        parse(raw, media, UpdateUser)
