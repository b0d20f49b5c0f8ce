"""Texts that are written in several ways have one spelling to be compared by."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from projections.login_guard.attempts import Guard, follow_anonymous
from projections.search.row import search_row
from projections.search.value import folded, value_text
from schemas.events import LoginFailed, LoginFailedData
from schemas.formats.identifiers import anonymous_subject
from schemas.formats.spelling import composed, identifier_key, ip_address
from tests.samples.profile_events import event

ANONYMOUS = f"anon_{1:032x}"

letters = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
FORMS = st.sampled_from(["NFC", "NFD"])


@given(letters, FORMS, st.sampled_from(["", " ", "\t ", "\u00a0"]), st.booleans())
def test_an_identifier_is_one_however_it_is_typed(text: str, form: str, blanks: str, upper: bool) -> None:
    """Blanks around it, the form of its letters and their case change nothing; the key is its own key."""
    key = identifier_key(text)
    assert identifier_key(key) == key
    assert identifier_key(blanks + unicodedata.normalize(form, text) + blanks) == key
    if text.isascii():
        assert identifier_key(text.upper() if upper else text) == key


@given(letters, FORMS)
def test_values_are_compared_in_one_form(text: str, form: str) -> None:
    """Stored and searched values of one text are one, whatever form either is in."""
    other = unicodedata.normalize(form, text)
    assert composed(other) == composed(text)
    assert folded(other) == folded(text)
    assert value_text(other) == value_text(text)
    rows = [
        search_row({"user_id": "a|1", "created_at": "", "identities": [], "name": one, "username": one})
        for one in (text, other)
    ]
    assert rows[0] == rows[1]


@given(st.ip_addresses())
def test_an_address_has_one_notation(address: object) -> None:
    """Exploded and compressed forms, brackets and ports give one notation, which is its own notation."""
    one = ip_address(str(address))
    assert one is not None
    assert ip_address(one) == one
    exploded = getattr(address, "exploded")  # noqa: B009 - of either family
    assert ip_address(exploded.upper()) == one
    wrapped = f"[{exploded}]" if ":" in exploded else exploded
    assert ip_address(f"{wrapped}:443") == one


def test_the_lockout_counts_an_identifier_once() -> None:
    """Failures under any spelling count for one identifier."""
    guard: Guard = {}
    for number, spelt in enumerate(("Jan\u00e9@X.example", " jan\u00e9@x.example\t", "JANE\u0301@x.example")):
        data = LoginFailedData(connection="db", strategy="auth0", reason="wrong_password", identifier=spelt)
        guard = follow_anonymous(guard, event(LoginFailed, data, number, subject=ANONYMOUS))
    ((place, attempts),) = guard.items()
    assert place == ("db", "jan\u00e9@x.example")
    assert attempts.total[0] == 3
    assert anonymous_subject(b"k", "db", "Jan\u00e9 ") == anonymous_subject(b"k", "db", "jane\u0301")
