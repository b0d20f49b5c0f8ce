"""Characters that command a terminal or turn what follows: refused in identifiers, escaped on output."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import exact_json
from schemas.characters import escaped, is_safe
from schemas.errors import InvalidEvent
from schemas.raw_login import parse_raw_login
from services.cli.output import print_json, safe
from services.management.models.users import CreateUser
from services.normalizer.mapping import ConnectionSettings, UnmappableLogin, normalize
from tests.raw_logins import make_data, make_event

UNSAFE = ["\x07", "\x1b[2J", "\x7f", "\x9b2J", "\u2028", "\u202e", "\u2066", "\u200f", "\ufeff"]
NAMES = [
    "Jane O’Brien",
    "علی\u200cرضا",
    "👩\u200d👩\u200d👧",
    "प्रज्\u200dञा",
    "名\u3000前",
    "Jan\u00e9\u00a0B",
]


@given(st.text())
def test_what_is_escaped_is_safe(text: str) -> None:
    """Escaping leaves nothing unsafe, and a safe text as it is."""
    assert is_safe(escaped(text))
    assert (escaped(text) == text) == is_safe(text)


@pytest.mark.parametrize("name", NAMES)
def test_names_keep_what_writing_needs(name: str) -> None:
    """Joiners, blanks and scripts of any kind are shown as they are."""
    assert safe(name) == name


@pytest.mark.parametrize("character", UNSAFE)
def test_identifiers_are_refused(character: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids of logins, sessions, identities and users hold none; the command line prints none."""
    text = f"a{character}b"
    faulty: list[Any] = [
        make_event(id=text),
        make_event(source=text),
        make_event(data=make_data(session_id=text)),
    ]
    for event in faulty:
        with pytest.raises(InvalidEvent):
            parse_raw_login(exact_json.dumps(event))
    with pytest.raises(UnmappableLogin):
        normalize(ConnectionSettings("github", "github", {}), {"id": text})
    for name in ("user_id", "username"):
        with pytest.raises(ValidationError):
            CreateUser.model_validate({"connection": "db", name: text})
    print_json({"name": text})
    printed = capsys.readouterr().out
    assert all(map(is_safe, printed.splitlines()))
    assert json.loads(printed) == {"name": text}
