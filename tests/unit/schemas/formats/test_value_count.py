"""Documents of too many values are recognised, before they are parsed where they have far too many."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent
from schemas.formats import exact_json
from schemas.formats.value_count import MOST_VALUES, exceeds, surely_exceeds
from schemas.logins.raw_login import parse_raw_login
from services.ingest.bodies import events_in, json_in
from services.ingest.errors import MAX_VALUES, RejectedRequest
from services.management.http.pipeline.bodies import FORM, JSON, parse
from services.management.users.models import UpdateUser
from services.runtime.rejection import Rejected
from tests.samples.raw_logins import make_data, make_event

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a,[]{}:"\\\\', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text('a,"\\\\{', max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)


def number_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(number_of, inner))


@given(documents, st.integers(1, 40))
def test_values_are_counted_and_never_text(value: Any, most: int) -> None:
    """`exceeds` is exact; `surely_exceeds` never refuses what is allowed, and lets at most twice as much
    pass."""
    raw = exact_json.dumps(value)
    assert exceeds(value, raw, most) is (number_of(value) > most)
    if surely_exceeds(raw, most):
        assert number_of(value) > most
    else:
        assert number_of(value) <= 2 * most + 1


MANY = {
    "empty lists": b'{"user_metadata":{"a":[' + b",".join([b"[]"] * 330_000) + b"]}}",
    "numbers": b'{"user_metadata":{"a":[' + b",".join([b"1"] * 10_000) + b"]}}",
    "keys": b"{" + b",".join(b'"k%d":""' % number for number in range(60_000)) + b"}",
    "open brackets": b"[" * 1_000_000,
    "quotes": b'"a,' * 300_000,
}


@pytest.mark.parametrize("name", MANY)
def test_a_body_of_too_many_values_is_a_clear_400(name: str) -> None:
    """Management refuses too many values with 400, as JSON and as a form."""
    with pytest.raises(Rejected) as refused:
        parse(MANY[name], JSON, UpdateUser)
    assert refused.value.rejection.message == f"Payload validation error: 'More than {MOST_VALUES} values'."
    with pytest.raises(Rejected):
        parse(b"&".join(b"a[]=%d" % number for number in range(10_001)), FORM, UpdateUser)


def test_a_text_full_of_separators_is_one_value() -> None:
    """Commas, brackets and quotes inside of strings do not count."""
    text = '[,{\\"' * 50_000
    assert parse(exact_json.dumps({"name": text}), JSON, UpdateUser) == {"name": text}


def test_logins_of_too_many_values() -> None:
    """A login is refused by name wherever it comes in; a batch with far too many is refused unread; checks
    are counted as a whole."""
    wide = make_event(data=make_data(claims={"sub": "x", "groups": [[]] * 10_000}))
    with pytest.raises(InvalidEvent) as invalid:
        parse_raw_login(exact_json.dumps(wide))
    assert "More than 10000 values" in invalid.value.detail
    headers = {"content-type": "application/json"}
    with pytest.raises(RejectedRequest) as refused:
        events_in(headers, b"[" + b",".join([b"[]"] * (MAX_VALUES + 1)) + b"]")
    assert refused.value.status == 413
    with pytest.raises(RejectedRequest) as refused:
        json_in(headers, MANY["empty lists"], "checks")
    assert refused.value.status == 400
