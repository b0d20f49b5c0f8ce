"""What a claim may hold to become an attribute."""

from typing import Any

import pytest

from projections.normalization.claims import values
from projections.normalization.claims.guid import guid
from projections.normalization.claims.paths import descend, parse, spell


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("a", ("a", ())),
        (" a ", (" a ", ())),
        ("", None),
        (" ", None),
        (7, ("7", ())),
        (True, None),
        (1.5, None),
        (["", "a"], ("a", (1,))),
        ([["a"]], None),
        ({"a": 1}, None),
        (2**4095, (str(2**4095), ())),
        (2**4096, None),
    ],
)
def test_a_text(value: Any, read: Any) -> None:
    """A string as it is, an integer in full, the first of a list."""
    assert values.text(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (" a ", ("a", ())),
        (7, (7, ())),
        (7.0, (7, ())),
        (7.5, None),
        (float(2**53 - 1), (2**53 - 1, ())),
        (float(2**53), None),
        (-float(2**53), None),
        (False, None),
        (2**4095, (2**4095, ())),
        (2**4096, None),
        ([None, 7], (7, (1,))),
        (" ", None),
        ({}, None),
    ],
)
def test_an_id(value: Any, read: Any) -> None:
    """Exact, or none at all."""
    assert values.identifier(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (True, True), (False, False), (1, True), (0, False), (1.0, True), (2, None), (0.5, None),
        (" TRUE ", True), ("0", False), ("yes", None), (["x", "false"], False), (None, None), ({}, None),
    ],
)  # fmt: skip
def test_a_flag(value: Any, read: bool | None) -> None:
    """Booleans are also read as the words or the numbers 1 and 0."""
    found = values.boolean(value)
    assert (None if found is None else found[0]) is read


@pytest.mark.parametrize(
    ("value", "address", "path"),
    [
        (" a@b.co ", "a@b.co", ()),
        ("mailto:a@b.co?subject=x", "a@b.co", ()),
        ("live.com#a@b.co", "a@b.co", ()),
        ("a b@c.co", None, ()),
        ("a@b@c.co", "a@b@c.co", ()),
        (["x", "a@b.co"], "a@b.co", (1,)),
        ([{"value": "a@b.co"}, {"value": "c@d.co", "primary": True}], "c@d.co", (1, "value")),
        ([{"value": "a@b.co"}, {"value": "c@d.co", "primary": "true"}], "c@d.co", (1, "value")),
        ([{"value": "a@b.co"}, {"value": "c@d.co", "type": "primary"}], "c@d.co", (1, "value")),
        ([{"value": "a@b.co"}, {"value": "c@d.co", "primary": "yes"}], "a@b.co", (0, "value")),
        ([{"value": "x", "primary": True}, {"email": "c@d.co"}], "c@d.co", (1, "email")),
        ([["a@b.co"]], None, ()),
        ({"email": 1, "address": "a@b.co"}, "a@b.co", ("address",)),
        ({"value": "x", "email": "a@b.co"}, "a@b.co", ("email",)),
        (5, None, ()),
    ],
)
def test_an_address(value: Any, address: str | None, path: Any) -> None:
    """Of a list, the primary address is read, otherwise the first."""
    assert values.email(value) == (None if address is None else (address, path))


def test_what_a_list_says_of_an_address() -> None:
    """The flag of the address is found in any case; an entry without a flag has no effect."""
    entries = [
        "a@b.co",
        {"value": "c@d.co", "verified": False},
        {"value": "A@b.co"},
        {"value": "a@B.co", "confirmed": 1},
    ]
    assert values.verification(entries, "a@b.co") == (True, (3, "confirmed"))
    assert values.verification(entries, "C@D.co") == (False, (1, "verified"))
    assert values.verification(entries, "e@f.co") is None
    assert values.verification({"value": "a@b.co"}, "a@b.co") is None
    assert values.verification([{"value": "x"}], "x") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("+49 (30) 1-2.3/4", "+49301234"),
        ("+" + "1" * 15, "+" + "1" * 15),
        ("+" + "1" * 16, None),
        ("491", None),
        ("+", None),
        (["", "+1"], "+1"),
    ],
)
def test_a_number(value: Any, number: str | None) -> None:
    """A plus and up to fifteen digits, whatever separates them."""
    found = values.phone(value)
    assert (None if found is None else found[0]) == number


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("https://x/a", ()),
        ("x", None),
        ({"url": "https://x/a"}, ("url",)),
        ({"data": {"url": "https://x/a"}}, ("data", "url")),
        ({"url": "x", "value": "https://x/a"}, ("value",)),
        ([{}, {"url": "https://x/a"}], (1, "url")),
        ({"data": {"data": {"url": "https://x/a"}}}, ("data", "data", "url")),
        ({"data": {"data": {"data": {"url": "https://x/a"}}}}, None),
        (5, None),
    ],
)
def test_a_picture(value: Any, path: Any) -> None:
    """Three levels deep."""
    found = values.picture(value)
    assert (None if found is None else found[1]) == path


def test_empty_values() -> None:
    """One level deep; a number or a flag never is."""
    assert all(values.is_empty(value) for value in (None, "", " ", [], {}))
    assert not any(values.is_empty(value) for value in (0, False, "a", [None], {"a": None}))
    assert values.anything([]) is None
    assert values.anything(0) == (0, ())


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("emails[0].value", ("emails", 0, "value")),
        ("http://x/a.b", ("http://x/a.b",)),
        ("a.99999", ("a", 99999)),
        ("a.100000", ("a", "100000")),
        ("a.٣", ("a", "٣")),
    ],
)
def test_a_path(spelling: str, path: Any) -> None:
    """Names and numbers; a URI is one name, and so is a very long number."""
    assert parse(spelling) == path


def test_a_rendered_path_parses_to_itself() -> None:
    """And leads where it says."""
    assert spell(("emails", 0, "value")) == "emails[0].value"
    claims = {"emails": [{"value": "a"}]}
    assert descend(claims, ("emails", 0, "value")) == "a"
    assert descend(claims, ("emails", 1)) is None
    assert descend(claims, ("emails", "0")) is None
    assert descend(claims, (0,)) is None
    assert descend(claims, ()) is claims


FORM = "33221100-5544-7766-8899-aabbccddeeff"
RAW = bytes.fromhex("00112233445566778899aabbccddeeff")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (f"{{{FORM.upper()}}}", FORM),
        (RAW.hex(), FORM),
        ("".join(f"\\x{byte:02x}" for byte in RAW), FORM),
        ("".join(f"\\{byte:02x}" for byte in RAW), FORM),
        ("ABEiM0RVZneImaq7zN3u/w==", FORM),
        ("ABEiM0RVZneImaq7zN3u_w", FORM),
        (RAW.decode("latin-1"), FORM),
        (list(RAW), FORM),
        ([RAW.hex()], FORM),
        ([[RAW.hex()]], None),
        ({"type": "Buffer", "data": list(RAW)}, FORM),
        ({"type": "Other", "data": list(RAW)}, None),
        ([*list(RAW)[:15], 256], None),
        ([*list(RAW)[:15], True], None),
        ([*list(RAW)[:15], -1], None),
        (list(RAW)[:15], None),
        ("x" * 16, None),
        ("\u0100" + "\x00" * 15, None),
        (5, None),
    ],
)
def test_a_guid(value: Any, form: str | None) -> None:
    """A GUID is read in each form in which JSON carries one; any other value is not a GUID."""
    assert guid(value) == form
