"""The image of initials: which text it takes, and what it is made of."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.management.avatars.initials import are_initials, avatar


@pytest.mark.parametrize(
    ("initials", "shown"),
    [
        ("jd", "JD"),
        ("6", "6"),
        ("ß", "ß"),
        ("éd", "ÉD"),
        ("山太", "山太"),
        ("שמ", "שמ"),
        ("مح", "مح"),
        ("𝒜b", "𝒜B"),
    ],
)
def test_letters_and_digits_of_any_script_are_shown(initials: str, shown: str) -> None:
    """One or two characters, in upper case where that is one character."""
    assert are_initials(initials)
    assert "".join(ElementTree.fromstring(avatar(initials)).itertext()) == shown  # noqa: S314


@pytest.mark.parametrize(
    "hostile",
    ["", "abc", "<", "&a", '"', "a/", "😀", "\u202ea", "\u200b", "a\x00", "\ud800", "e\u0301", "..", "a b"],
)
def test_nothing_else_is_an_image(hostile: str) -> None:
    """Markup, emoji, direction marks, controls, surrogates, combining marks and longer texts are refused."""
    assert not are_initials(hostile)


@given(st.text(max_size=3))
def test_an_image_is_xml_of_two_shapes(text: str) -> None:
    """Every accepted text gives well-formed XML with two shapes and no references."""
    if not are_initials(text):
        return
    image = ElementTree.fromstring(avatar(text))  # noqa: S314
    assert [part.tag.rpartition("}")[2] for part in image.iter()] == ["svg", "rect", "text"]
    assert avatar(text).count("://") == 1
