"""Claims that no path describes, and what is nearly one."""

from collections.abc import Callable
from typing import Any

import pytest

from projections.normalization.claims import shapes


def value(shape: Callable[[Any], Any], **claims: Any) -> Any:
    found = shape(claims)
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("given", "segment"),
    [
        ("https://x.example/people/42", "42"),
        ("https://x.example/people/42/", "42"),
        ("people/42", "people/42"),
        (42, 42),
        (None, None),
        ({}, None),
    ],
)
def test_the_last_segment_of_an_id(given: Any, segment: Any) -> None:
    """Only of a URL."""
    assert value(shapes.last_segment("id"), id=given) == segment


def test_a_confirmed_address() -> None:
    """Is the one that is meant where no other is named."""
    assert value(shapes.confirmed_address, confirmed_email="a@b.co") is True
    assert value(shapes.confirmed_address, confirmed_email="a@b.co", email="a@b.co") is True
    assert value(shapes.confirmed_address, confirmed_email="a@b.co", email="c@d.co") is None
    assert value(shapes.confirmed_address, email="c@d.co") is None
    assert value(shapes.confirmed_address, confirmed_email={}) is None


def test_a_directory_guid() -> None:
    """In canonical form; what is none stays as it is, and nothing is nothing."""
    known = "{00112233-4455-6677-8899-AABBCCDDEEFF}"
    assert value(shapes.directory_guid, objectguid=known) == "00112233-4455-6677-8899-aabbccddeeff"
    assert value(shapes.directory_guid, objectguid="jane") == "jane"
    assert value(shapes.directory_guid) is None


def test_an_office_user_id() -> None:
    """Has the suffix once."""
    assert value(shapes.office_user_id, puid="1003") == "1003@MicrosoftOnline.com"
    assert value(shapes.office_user_id, puid="1003@x") == "1003@x"
    assert value(shapes.office_user_id) is None


def test_a_personal_account() -> None:
    """Its id is in the object id, without regard to case; another object id has none."""
    assert value(shapes.microsoft_cid, oid="00000000-0000-0000-ABCD-0123456789AB") == "abcd0123456789ab"
    assert value(shapes.microsoft_cid, oid="10000000-0000-0000-ABCD-0123456789AB") is None
    assert value(shapes.microsoft_cid) is None


def test_a_guests_sign_in_name_is_no_address() -> None:
    """However `#EXT#` is written."""
    shape = shapes.member_name("upn")
    assert value(shape, upn="jane@x.com") == "jane@x.com"
    assert value(shape, upn="jane_x.com#EXT#@y.com") is None
    assert value(shape, upn="jane_x.com#ext#@y.com") is None
    assert value(shape) is None


def test_a_name_id() -> None:
    """A text, or an object with one; an object without one has none."""
    shape = shapes.name_id("nameid")
    assert value(shape, nameid="jane") == value(shape, nameid={"#text": "jane", "Format": "f"}) == "jane"
    assert value(shape, nameid={"Format": "f"}) is None
    assert value(shape, nameid="") is None
    assert value(shape) is None


def test_a_name_id_is_an_address_if_its_format_says_so() -> None:
    """The format is a separate claim or part of the NameID."""
    mail = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    assert value(shapes.name_id_address, nameid="a@b.co", nameidformat=mail) == "a@b.co"
    assert value(shapes.name_id_address, nameid={"value": "a@b.co", "Format": mail}) == "a@b.co"
    assert value(shapes.name_id_address, nameid="a@b.co", nameidattributes={"format": mail}) == "a@b.co"
    assert value(shapes.name_id_address, nameid="a@b.co", nameidformat="persistent") is None
    assert value(shapes.name_id_address, nameid="a@b.co") is None
    assert value(shapes.name_id_address, nameidformat=mail) is None


def resource(address: str, primary: bool, kind: str = "Email") -> dict[str, Any]:
    return {"type": kind, "attributes": {"address": address, "primary": primary}}


def test_the_primary_included_address() -> None:
    """Else the first; other resources have none."""
    first, main = resource("a@b.co", False), resource("c@d.co", True)
    assert value(shapes.included_address, included=[first, main]) == "c@d.co"
    assert value(shapes.included_address, included=[first, resource("e@f.co", False)]) == "a@b.co"
    assert value(shapes.included_address, included=[resource("a@b.co", True, "Phone")]) is None
    assert value(shapes.included_address, included="x") is None
    assert value(shapes.included_address) is None


def image(width: Any, address: Any) -> dict[str, Any]:
    size = {"com.linkedin.digitalmedia.mediaartifact.StillImage": {"storageSize": {"width": width}}}
    return {"identifiers": [{"identifier": address}], "data": size}


def test_the_widest_picture() -> None:
    """Of two as wide the first; what has no address is none, what has no width is the narrowest."""

    def widest(*images: Any) -> Any:
        return value(shapes.linkedin_picture, profilePicture={"displayImage~": {"elements": list(images)}})

    assert widest(image(100, "a"), image(800, "b"), image(200, "c")) == "b"
    assert widest(image(100, "a"), image(100, "b")) == "a"
    assert widest(image(100, 1), image("wide", "b")) == "b"
    assert widest(image("wide", "a"), image(1, "b")) == "b"
    assert widest() is None
    assert value(shapes.linkedin_picture) is None


def test_a_localized_name() -> None:
    """The name in the preferred language is used, otherwise the first one."""
    shape = shapes.localized("firstName")
    names = {"en_US": "Jane", "de_DE": "Johanna"}
    preferred = {"language": "en", "country": "US"}
    assert value(shape, firstName={"localized": names, "preferredLocale": preferred}) == "Jane"
    assert value(shape, firstName={"localized": names}) == "Johanna"
    assert value(shape, firstName={"localized": {}}) is None
    assert value(shape, firstName={"localized": "Jane"}) is None
    assert value(shape) is None


def test_the_largest_avatar() -> None:
    """The largest avatar is found by the names of sizes."""
    sizes = [{"type": "TINY", "url": "t"}, {"type": "MAIN", "url": "m"}, {"url": "?"}]
    assert value(shapes.renren_avatar, avatar=sizes) == "m"
    assert value(shapes.renren_avatar, avatar=[{"type": "HUGE", "url": "h"}]) is None
    assert value(shapes.renren_avatar, avatar="x") is None


def test_apple_tells_a_name_in_its_form_or_its_claims() -> None:
    """The form, as an object or its text, comes first."""
    shape = shapes.apple_name("firstName")
    name = {"name": {"firstName": "Jane"}}
    assert value(shape, user=name) == value(shape, user='{"name": {"firstName": "Jane"}}') == "Jane"
    assert value(shape, user=name, name={"firstName": "J"}) == "Jane"
    assert value(shape, user="no json", name={"firstName": "J"}) == "J"
    assert value(shape, user={"name": {"firstName": " "}}, name={"firstName": "J"}) == "J"
    assert value(shape) is None


def test_claims_of_one_provider_only() -> None:
    """A nickname is Kakao's beside `connected_at`; `verified` is of the address beside a discriminator."""
    assert value(shapes.kakao_nickname, nickname="j", connectedat="2026") == "j"
    assert value(shapes.kakao_nickname, nickname="j") is None
    assert value(shapes.discord_verified, verified=True, discriminator="0") is True
    assert value(shapes.discord_verified, verified=True) is None
    assert value(shapes.valid_kakao_address, isemailvalid=False) is False
    assert value(shapes.valid_kakao_address, isemailvalid=True) is None


def test_pictures_behind_keys() -> None:
    """Of a picture server; a URL, an empty avatar and what is no key are none."""
    assert value(shapes.baidu_portrait, portrait="k") == "https://himg.bdimg.com/sys/portrait/item/k"
    assert value(shapes.baidu_portrait, portrait="https://x/k") is None
    assert value(shapes.baidu_portrait) is None
    yandex = "https://avatars.yandex.net/get-yapic/1/islands-200"
    assert value(shapes.yandex_avatar, default_avatar_id="1", is_avatar_empty=False) == yandex
    assert value(shapes.yandex_avatar, default_avatar_id="1", is_avatar_empty=True) is None
    assert value(shapes.yandex_avatar) is None
    assert value(shapes.profile_image, profile="https://x/a.PNG?s=1") == "https://x/a.PNG?s=1"
    assert value(shapes.profile_image, profile="https://x/jane") is None
    assert value(shapes.profile_image, profile=1) is None


def test_a_discord_avatar() -> None:
    """Moves where its hash says so; without a numeric owner there is none."""
    still, moving = "0" * 32, "a_" + "0" * 32
    base = "https://cdn.discordapp.com/avatars/42"
    assert value(shapes.discord_avatar, avatar=still, id="42") == f"{base}/{still}.png"
    assert value(shapes.discord_avatar, avatar=moving, id="42") == f"{base}/{moving}.gif"
    assert value(shapes.discord_avatar, avatar="0" * 31, id="42") is None
    assert value(shapes.discord_avatar, avatar=still, id="x") is None
    assert value(shapes.discord_avatar, avatar=still, id="٤٢") is None
    assert value(shapes.discord_avatar, avatar=still, id=42) is None
    assert value(shapes.discord_avatar, avatar=1, id="42") is None
