"""Default names, nicknames and pictures."""

from typing import Any

import pytest

from projections.normalization.defaults import (
    GRAVATAR,
    Pictures,
    default_name,
    default_nickname,
    default_picture,
    pictures_of,
)

OWN = Pictures("initials", "https://vita.example/")


@pytest.mark.parametrize(
    ("attributes", "preferred", "name"),
    [
        ({"given_name": "J", "family_name": "D"}, None, ("J D", "given_name+family_name")),
        ({"family_name": "D", "email": "a@b.co"}, None, ("D", "family_name")),
        ({"email": "a@b.co", "username": "u"}, "p", ("a@b.co", "email")),
        ({"username": "u", "phone_number": "+1"}, "p", ("u", "username")),
        ({"phone_number": "+1", "nickname": "n"}, "p", ("p", "preferred_username")),
        ({"phone_number": "+1", "nickname": "n"}, None, ("+1", "phone_number")),
        ({"nickname": "n"}, None, ("n", "nickname")),
        ({}, None, ("7", "id")),
    ],
)
def test_a_name(attributes: Any, preferred: Any, name: Any) -> None:
    """The best there is, and what it was made from."""
    assert default_name(attributes, preferred, "7") == name


@pytest.mark.parametrize(
    ("attributes", "preferred", "nickname"),
    [
        ({"email": "a@b@c.co", "username": "u"}, "p", ("a@b", "email")),
        ({"username": "u", "name": "N"}, "p", ("u", "username")),
        ({"name": "N"}, "p", ("p", "preferred_username")),
        ({"name": "N", "phone_number": "+1"}, None, ("N", "name")),
        ({"phone_number": "+1"}, None, ("+1", "phone_number")),
        ({}, None, ("7", "id")),
    ],
)
def test_a_nickname(attributes: Any, preferred: Any, nickname: Any) -> None:
    """The local part of the address before all."""
    assert default_nickname(attributes, preferred, "7") == nickname


@pytest.mark.parametrize(
    ("attributes", "image"),
    [
        ({"name": "Jane Mary Doe"}, "jm"),
        ({"name": "Jane"}, "ja"),
        ({"name": "J"}, "j"),
        ({"name": "jane.doe@x.com"}, "ja"),
        ({"name": "_.@x.com"}, "x"),
        ({"name": "Élodie Öz"}, "eo"),
        ({"name": "山田", "nickname": "kenji"}, "ke"),
        ({"username": "u1"}, "u"),
        ({}, "oi"),
    ],
)
def test_initials(attributes: Any, image: str) -> None:
    """The initials are those of the first two words, otherwise of another value, otherwise of the
    provider."""
    found: Any = default_picture(attributes, "oidc")
    assert found[0].rpartition("/")[2].startswith(image)


def test_initials_of_the_provider() -> None:
    """The initials are `us` if the provider's name has no letters."""
    assert default_picture({}, "9") == ("https://cdn.auth0.com/avatars/us.png", "provider")


def test_a_gravatar() -> None:
    """Of the address in lower case without blanks, which falls back to initials."""
    found: Any = default_picture({"email": " Jane@X.com "}, "oidc")
    plain: Any = default_picture({"email": "jane@x.com"}, "oidc")
    assert found[0].partition("?")[0] == plain[0].partition("?")[0]
    assert found[1] == "email"
    assert plain[0].endswith("avatars%2Fja.png")
    assert default_picture({"name": "Jane Doe"}, "oidc") == ("https://cdn.auth0.com/avatars/jd.png", "name")


def test_a_tenants_choice() -> None:
    """Initials of any script from its own address, or none; anything unknown is the gravatar."""
    assert default_picture({"name": "山田 太郎"}, "oidc", OWN) == (
        "https://vita.example/avatars/%E5%B1%B1%E5%A4%AA.svg", "name",
    )  # fmt: skip
    assert default_picture({"name": "é"}, "oidc", OWN) == ("https://vita.example/avatars/%C3%A9.svg", "name")
    assert default_picture({"name": "J"}, "oidc", Pictures("none")) is None
    assert pictures_of("none", "a") == Pictures("none", "a")
    assert pictures_of("other", "a") == pictures_of(None, "a") == Pictures(GRAVATAR.choice, "a")
