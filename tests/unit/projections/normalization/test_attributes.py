"""Names, pictures and numbers: which become attributes, defaults or leftovers."""

from hashlib import md5
from typing import Any
from urllib.parse import unquote

import pytest

from projections.normalization import ConnectionSettings, Normalized, normalize
from projections.normalization.defaults import Pictures
from services.management.avatars.initials import are_initials


def login(strategy: str, claims: dict[str, Any], **options: Any) -> Normalized:
    return normalize(ConnectionSettings("corp", strategy, options), {"sub": "1", "user_id": "1", **claims})


def gravatar(address: str, initials: str) -> str:
    digest = md5(address.encode(), usedforsecurity=False).hexdigest()
    return (
        f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg"
        f"&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{initials}.png"
    )


@pytest.mark.parametrize(
    ("claims", "name", "source"),
    [
        ({"name": "N", "given_name": "G"}, "N", "name"),
        ({"name": " ", "given_name": "G", "family_name": "F"}, "G F", "default:given_name+family_name"),
        ({"family_name": "F", "email": "e@x.example"}, "F", "default:family_name"),
        ({"email": "e@x.example", "username": "u"}, "e@x.example", "default:email"),
        ({"username": "u", "phone_number": "+123"}, "u", "default:username"),
        ({"preferred_username": "p", "phone_number": "+123"}, "p", "default:preferred_username"),
        ({"phone_number": "+123", "nickname": "k"}, "+123", "default:phone_number"),
        ({"nickname": "k"}, "k", "default:nickname"),
        ({}, "1", "default:id"),
    ],
)
def test_name(claims: dict[str, Any], name: str, source: str) -> None:
    """A name is always there: the provider's, else made from the best of what is known."""
    found = login("google-oauth2", claims)
    assert (found.attributes["name"], found.sources["name"]) == (name, source)


@pytest.mark.parametrize(
    ("claims", "nickname", "source"),
    [
        ({"nickname": "k", "email": "e@x.example"}, "k", "nickname"),
        ({"email": "a.b+c@d@x.example", "username": "u"}, "a.b+c@d", "default:email"),
        ({"username": "u", "name": "N"}, "u", "default:username"),
        ({"preferred_username": "p", "name": "N"}, "p", "default:preferred_username"),
        ({"name": "N"}, "N", "default:name"),
        ({"phone_number": "+123"}, "+123", "default:name"),
    ],
)
def test_nickname(claims: dict[str, Any], nickname: str, source: str) -> None:
    """A nickname is always there: by default the local part of the address."""
    found = login("google-oauth2", claims)
    assert (found.attributes["nickname"], found.sources["nickname"]) == (nickname, source)


@pytest.mark.parametrize(
    ("claims", "picture"),
    [
        ({"email": "Jane.Doe@X.example"}, gravatar("jane.doe@x.example", "ja")),
        ({"email": "jane@x.example", "name": "Élodie d'Arc"}, gravatar("jane@x.example", "ed")),
        ({"email": "jane@x.example", "name": "山田 太郎"}, gravatar("jane@x.example", "ja")),
        ({"name": "Jane"}, "https://cdn.auth0.com/avatars/ja.png"),
        ({"name": "Nguyễn Văn An"}, "https://cdn.auth0.com/avatars/nv.png"),
        ({"name": "山田 太郎"}, "https://cdn.auth0.com/avatars/go.png"),
    ],
)
def test_picture_by_default(claims: dict[str, Any], picture: str) -> None:
    """Without a picture: the address's gravatar with initials behind it; without an address the initials."""
    assert login("google-oauth2", claims).attributes["picture"] == picture


@pytest.mark.parametrize(
    ("claims", "initials", "source"),
    [
        ({"email": "Jane.Doe@X.example"}, "ja", "name"),
        ({"email": "62d589@x.example"}, "62", "name"),
        ({"email": "a@a.com"}, "a", "name"),
        ({"email": "jane@x.example", "name": "Élodie d'Arc"}, "%C3%A9d", "name"),
        ({"email": "jane@x.example", "name": "山田 太郎"}, "%E5%B1%B1%E5%A4%AA", "name"),
        ({"name": "नमिता शर्मा"}, "%E0%A4%A8%E0%A4%B6", "name"),
        ({"name": "😀 <b>"}, "b", "name"),
        ({"name": "\u202e\u0301"}, "go", "provider"),
    ],
)
def test_initials_of_any_script(claims: dict[str, Any], initials: str, source: str) -> None:
    """A tenant that chose initials gets Vita's own image: its address holds letters and digits of the
    initials, nothing else of the person, and Vita serves that image."""
    connection = ConnectionSettings("corp", "google-oauth2", {})
    pictures = Pictures("initials", "https://vita.example/")
    found = normalize(connection, {"sub": "1", **claims}, pictures=pictures)
    assert found.attributes["picture"] == f"https://vita.example/avatars/{initials}.svg"
    assert found.sources["picture"] == f"default:{source}"
    assert are_initials(unquote(initials))
    assert "picture" not in normalize(connection, {"sub": "1", **claims}, None, Pictures("none")).attributes
    own = {"sub": "1", "picture": "https://x.example/own.png"}
    for choice in (pictures, Pictures("none")):
        assert normalize(connection, own, None, choice).attributes["picture"] == own["picture"]


def test_sources_tell_defaults_from_claims() -> None:
    """Defaults are marked, so that they never replace values from claims."""
    sources = login("google-oauth2", {"email": "e@x.example"}).sources
    assert {name for name, source in sources.items() if source.startswith("default:")} == {
        *("name", "nickname", "picture", "email_verified")
    }


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("live.com#jo@x.example", "jo@x.example"),
        ("LIVE.com#Jo@x.example", "Jo@x.example"),
        ("google.com#jo@x.example", "jo@x.example"),
        ("facebook.com#jo@x.example", "jo@x.example"),
        ("mail#jo@x.example", "jo@x.example"),
        ("mailto:jo@x.example", "jo@x.example"),
        ("MAILTO:jo@x.example?subject=hello%20you", "jo@x.example"),
        ("jo?x@x.example", "jo?x@x.example"),
        ("a#jo@x.example", "a#jo@x.example"),
        ("live.com#", None),
        ("mailto:?to=jo", None),
    ],
)
@pytest.mark.parametrize("strategy", ["waad", "oauth2", "google-oauth2"])
def test_a_vouched_name_gives_the_address(strategy: str, value: str, address: str | None) -> None:
    """Neither who vouches for an account nor the scheme and the fields of a link belong to the address."""
    assert login(strategy, {"oid": "1", "email": value}).attributes.get("email") == address


@pytest.mark.parametrize(
    "value",
    [
        "data:text/html,x",
        "data:image/png",
        "javascript:alert(1)",
        "/me.png",
        "ftp://x/y",
        "https://a b",
        "//x/y",
        "me",
        "https://x/\u202egnp.exe",
        "https://x/\u009b31m",
    ],
)
def test_a_picture_is_a_web_address(value: str) -> None:
    """Anything else, and what holds control or bidirectional characters, stays a leftover, prefixed because
    `picture` means something in a profile."""
    found = login("google-oauth2", {"picture": value})
    assert found.sources["picture"].startswith("default:")
    assert found.extras["google-oauth2_picture"] == value


def test_a_picture_may_be_a_data_image() -> None:
    """It is taken as it is, and nothing of it is left over."""
    image = "data:image/png;base64,iVBORw0KGgo="
    found = login("google-oauth2", {"picture": image})
    assert (found.attributes["picture"], found.extras) == (image, {})


@pytest.mark.parametrize(
    ("address", "initials"),
    [("62d589@x.example", "62"), ("a@a.com", "a"), ("j.doe@x.example", "j"), ("Éa@x.example", "ea")],
)
def test_initials_of_an_address(address: str, initials: str) -> None:
    """The first two characters before the `@`, digits included, without what no file is named by."""
    found = login("google-oauth2", {"email": address})
    assert found.attributes["picture"].endswith(f"avatars%2F{initials}.png")


@pytest.mark.parametrize("strategy", ["samlp", "oidc", "okta"])
def test_a_person_without_a_name_is_called_by_their_id(strategy: str) -> None:
    """The default name is the provider's id, without the prefix of the connection."""
    found = login(strategy, {"sub": "e1", "nameIdentifier": "e1"})
    assert found.idp_id.endswith("|e1")
    assert (found.attributes["name"], found.attributes["nickname"]) == ("e1", "e1")


@pytest.mark.parametrize(
    "value", ["jane", "@", "jane@", "@x.example", "ja ne@x.example", 5, {"x": 1}, "a@b@"]
)
def test_an_email_looks_like_one(value: Any) -> None:
    """Something that can be no address is kept, but not as an address."""
    found = login("google-oauth2", {"email": value, "email_verified": True})
    assert "email" not in found.attributes
    assert "email_verified" not in found.attributes
    assert found.extras["google-oauth2_email"] == value


def test_blanks_around_an_email_go_and_its_case_stays() -> None:
    """Directories pad addresses; only our own user stores lower their case."""
    assert login("google-oauth2", {"email": " Jane@X.example\n"}).attributes["email"] == "Jane@X.example"
    database = login("auth0", {"email": "Jane@X.example", "username": "Jane"})
    assert (database.attributes["email"], database.attributes["username"]) == ("jane@x.example", "jane")


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("+14155550100", "+14155550100"),
        ("+1 (415) 555-0100", "+14155550100"),
        ("4155550100", None),
        ("+1x", None),
    ],
)
def test_phone_numbers_are_international(sent: str, number: str | None) -> None:
    """A number is +<digits>; separators go, anything else stays a leftover."""
    found = login("oidc", {"phone_number": sent})
    assert found.attributes.get("phone_number") == number
    assert found.extras.get("oidc_phone_number") == (None if number else sent)


def test_over_long_values_are_kept_whole() -> None:
    """Nothing is cut off."""
    assert login("google-oauth2", {"name": "x" * 5000}).attributes["name"] == "x" * 5000


def test_numbers_as_names_are_written_out() -> None:
    """An integer where text is expected is its digits, exactly."""
    assert login("google-oauth2", {"nickname": 2**70}).attributes["nickname"] == str(2**70)


def test_text_is_unchanged() -> None:
    """Blanks and scripts of every kind survive."""
    assert login("google-oauth2", {"name": " Ægir  Þór "}).attributes["name"] == " Ægir  Þór "


def test_denied_claims_leave_no_trace() -> None:
    """`non_persistent_attrs` keeps claims out of attributes, defaults and leftovers; the identity stays."""
    claims = {
        "name": "Secret Name",
        "email": "secret@x.example",
        "gender": "secret",
        "given_name": "G",
        "hd": "x",
    }
    found = login(
        "google-oauth2", claims, non_persistent_attrs=["name", "email", "gender", "picture", "sub", 7]
    )
    assert found.idp_id == "1"
    assert found.attributes == {"given_name": "G", "nickname": "1"}
    assert found.extras == {"hd": "x"}


def test_denied_claims_inside_a_wrapper() -> None:
    """A denied name also counts where the strategy opens a wrapper or cuts a claim address."""
    claims = {"data": {"id": "1", "name": "N", "location": "secret"}}
    found = normalize(ConnectionSettings("x", "twitter", {"non_persistent_attrs": ["location"]}), claims)
    assert "location" not in found.extras
    assert found.attributes["name"] == "N"
    address = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
    for denied in (f"{address}mobilephone", "mobilephone"):
        options = {"non_persistent_attrs": [denied]}
        found = normalize(
            ConnectionSettings("x", "adfs", options),
            {f"{address}upn": "u@x.example", f"{address}mobilephone": "1"},
        )
        assert found.extras == {"upn": "u@x.example"}


@pytest.mark.parametrize(
    "claims",
    [
        {"Last Name": "Doe"},
        {"last_name": "Doe"},
        {"lastName": "Doe"},
        {"LASTNAME": "Doe"},
        {"surname": "Doe"},
        {"family-name": "Doe"},
        {"familyName": "Doe"},
        {"name": {"last": "Doe"}},
        {"user": {"surname": "Doe"}},
        {"data": [{"attributes": {"last_name": "Doe"}}]},
        {"family_name": None, "surname": "Doe"},
    ],
)
def test_general_mapper_knows_the_usual_names(claims: dict[str, Any]) -> None:
    """A family name is found under every usual name and spelling."""
    assert login("oauth2", claims).attributes["family_name"] == "Doe"


def test_general_mapper_prefers_standard_names() -> None:
    """OpenID Connect names go before synonyms, outer claims before inner ones, filled ones before empty
    ones."""
    claims = {
        "display_name": "D",
        "name": "N",
        "login": "L",
        "email": "",
        "user": {"email": "in@x.example", "name": "I"},
    }
    found = login("oauth2", claims)
    assert (found.attributes["name"], found.attributes["nickname"]) == ("N", "L")
    assert (found.attributes["email"], found.sources["email"]) == ("in@x.example", "user.email")
    assert found.extras["user"] == {"name": "I"}
