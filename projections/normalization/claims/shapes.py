"""Readers of claims that no path describes. Each returns what it found in the claims, or None."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from projections.normalization.claims.guid import guid
from projections.normalization.claims.paths import Found, Path, descend
from projections.normalization.claims.values import identifier, text

Claims = Mapping[str, Any]
Shape = Callable[[Claims], Found | None]
"""Finds a value in claims where a path cannot describe its location."""

_PERSONAL_OBJECT_ID = re.compile(r"00000000-0000-0000-([0-9a-f]{4})-([0-9a-f]{12})", re.IGNORECASE)
_PERSISTENT_ID = re.compile(r"[0-9A-Fa-f]{16}")
_IMAGE_FILE = re.compile(r"[^?#]+\.(?:png|jpe?g|gif|webp|svg|avif)(?:[?#].*)?", re.IGNORECASE)
_AVATAR_HASH = re.compile(r"(a_)?[0-9a-f]{32}")
_NAME_ID_VALUES = ("value", "#text", "_", "text", "$t", "Value", "content")


def last_segment(name: str) -> Shape:
    """Return a shape for an id that may be given as a URL: its last path segment."""

    def shape(claims: Claims) -> Found | None:
        read = identifier(claims.get(name))
        if read is None or isinstance(read[0], int):
            return None if read is None else _found(read[0], (name, *read[1]))
        value = read[0].rstrip("/").rpartition("/")[2] if "://" in read[0] else read[0]
        return _found(value, (name, *read[1]))

    return shape


def apple_name(part: str) -> Shape:
    """Return a shape for Apple's form post: `user` (an object, or JSON text of one), otherwise `name`."""

    def shape(claims: Claims) -> Found | None:
        user = claims.get("user")
        parsed = _parsed(user) if isinstance(user, str) else user
        for name, path in ((descend(parsed, ("name",)), ("user", "name")), (claims.get("name"), ("name",))):
            value = descend(name, (part,))
            if text(value) is not None:
                used = ("user",) if isinstance(user, str) and path[0] == "user" else (*path, part)
                return Found(value, (*path, part), used)
        return None

    return shape


def linkedin_picture(claims: Claims) -> Found | None:
    """Return the widest image in `profilePicture.displayImage~.elements`."""
    elements = descend(claims, ("profilePicture", "displayImage~", "elements"))
    widest: tuple[int, str, int] | None = None
    for index, element in enumerate(elements if isinstance(elements, list) else ()):
        address = descend(element, ("identifiers", 0, "identifier"))
        sizes = descend(
            element, ("data", "com.linkedin.digitalmedia.mediaartifact.StillImage", "storageSize")
        )
        width = descend(sizes, ("width",))
        if isinstance(address, str) and (widest is None or _number(width) > widest[0]):
            widest = (_number(width), address, index)
    if widest is None:
        return None
    path: Path = ("profilePicture", "displayImage~", "elements", widest[2], "identifiers", 0, "identifier")
    return Found(widest[1], path, ("profilePicture",))


def localized(name: str) -> Shape:
    """Return a shape for LinkedIn's `{localized: {en_US: …}, preferredLocale: {language, country}}`."""

    def shape(claims: Claims) -> Found | None:
        values = descend(claims, (name, "localized"))
        if not isinstance(values, dict) or not values:
            return None
        preferred = descend(claims, (name, "preferredLocale"))
        language, country = descend(preferred, ("language",)), descend(preferred, ("country",))
        locale = f"{language}_{country}" if f"{language}_{country}" in values else min(values)
        return _found(values[locale], (name, "localized", locale), (name,))

    return shape


def confirmed_address(claims: Claims) -> Found | None:
    """Return X's `confirmed_email`, which is verified by definition, unless another address is meant."""
    confirmed, other = claims.get("confirmed_email"), claims.get("email")
    if text(confirmed) is None or (text(other) is not None and other != confirmed):
        return None
    return Found(True, ("confirmed_email",), ("confirmed_email",))


def directory_guid(claims: Claims) -> Found | None:
    """Return objectGUID in canonical form; a value that is not a GUID is returned unchanged."""
    value = claims.get("objectguid")
    canonical = guid(value)
    if canonical is not None:
        return _found(canonical, ("objectguid",))
    read = text(value)
    return None if read is None else _found(read[0], ("objectguid", *read[1]))


def office_user_id(claims: Claims) -> Found | None:
    """Return the PUID with the suffix of Office 365 identities."""
    read = text(claims.get("puid"))
    if read is None:
        return None
    value = read[0] if "@" in read[0] else f"{read[0]}@MicrosoftOnline.com"
    return _found(value, ("puid", *read[1]))


def microsoft_cid(claims: Claims) -> Found | None:
    """Return a personal account's 16-digit id, which Entra ID embeds in the object id of such accounts."""
    match = _PERSONAL_OBJECT_ID.fullmatch(str(claims.get("oid", "")))
    return _found(f"{match[1]}{match[2]}".lower(), ("oid",)) if match else None


def member_name(name: str) -> Shape:
    """Return a shape for a Microsoft sign-in name that is an e-mail address; those of guests (`#EXT#`) are
    not."""

    def shape(claims: Claims) -> Found | None:
        read = text(claims.get(name))
        return None if read is None or "#ext#" in read[0].lower() else _found(read[0], (name, *read[1]))

    return shape


def name_id(name: str) -> Shape:
    """Return a shape for a SAML NameID: text, or an object with its text and format."""

    def shape(claims: Claims) -> Found | None:
        value = claims.get(name)
        if not isinstance(value, dict):
            return _found(value, (name,)) if identifier(value) else None
        for key in _NAME_ID_VALUES:
            if (read := identifier(value.get(key))) is not None:
                return _found(read[0], (name, key))
        return None

    return shape


def name_id_address(claims: Claims) -> Found | None:
    """Return a NameID whose format says that it is an e-mail address."""
    formats = [
        claims.get("nameidformat"),
        *(
            descend(claims, (holder, key))
            for holder in ("nameidattributes", "nameid")
            for key in ("Format", "format")
        ),
    ]
    if not any(isinstance(one, str) and one.endswith(":emailAddress") for one in formats):
        return None
    for holder in (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "nameid",
        "nameidentifier",
    ):
        found = name_id(holder)(claims)
        if found is not None:
            return found
    return None


def included_address(claims: Claims) -> Found | None:
    """Return Planning Center's primary address; its addresses are JSON:API resources in `included`."""
    included = claims.get("included")
    addresses: list[tuple[bool, int, Any]] = []
    for index, resource in enumerate(included if isinstance(included, list) else ()):
        if descend(resource, ("type",)) == "Email":
            is_primary = descend(resource, ("attributes", "primary")) is True
            addresses.append((not is_primary, index, descend(resource, ("attributes", "address"))))
    if not addresses:
        return None
    _, index, address = min(addresses, key=lambda entry: entry[:2])
    return _found(address, ("included", index, "attributes", "address"))


def renren_avatar(claims: Claims) -> Found | None:
    """Return the largest of the sizes LARGE, MAIN, HEAD and TINY."""
    sizes = claims.get("avatar")
    by_type = {
        descend(size, ("type",)): index
        for index, size in enumerate(sizes if isinstance(sizes, list) else ())
        if isinstance(descend(size, ("type",)), str)
    }
    for size in ("LARGE", "MAIN", "HEAD", "TINY"):
        if size in by_type:
            path: Path = ("avatar", by_type[size], "url")
            return _found(descend(claims, path), path, ("avatar",))
    return None


def kakao_nickname(claims: Claims) -> Found | None:
    """Return the nickname of Kakao's profile; `connected_at` identifies claims of Kakao."""
    return _found(claims.get("nickname"), ("nickname",)) if "connectedat" in claims else None


def baidu_portrait(claims: Claims) -> Found | None:
    """Return the URL of the portrait, whose claim is a key on Baidu's picture server."""
    read = text(claims.get("portrait"))
    if read is None or "/" in read[0]:
        return None
    return _found(f"https://himg.bdimg.com/sys/portrait/item/{read[0]}", ("portrait",))


def yandex_avatar(claims: Claims) -> Found | None:
    """Return the URL of `default_avatar_id`, a key on Yandex's picture server, unless `is_avatar_empty`."""
    read = text(claims.get("default_avatar_id"))
    if read is None or claims.get("is_avatar_empty") is True:
        return None
    return _found(f"https://avatars.yandex.net/get-yapic/{read[0]}/islands-200", ("default_avatar_id",))


def profile_image(claims: Claims) -> Found | None:
    """Return `profile` if it ends like an image file. In OpenID Connect it is the URL of a page."""
    value = claims.get("profile")
    return _found(value, ("profile",)) if isinstance(value, str) and _IMAGE_FILE.fullmatch(value) else None


def discord_avatar(claims: Claims) -> Found | None:
    """Return the URL of Discord's avatar, whose claim is a file name."""
    value, owner = claims.get("avatar"), claims.get("id")
    if not (isinstance(value, str) and isinstance(owner, str) and owner.isdigit() and owner.isascii()):
        return None
    match = _AVATAR_HASH.fullmatch(value)
    if match is None:
        return None
    return _found(
        f"https://cdn.discordapp.com/avatars/{owner}/{value}.{'gif' if match[1] else 'png'}", ("avatar",)
    )


def discord_verified(claims: Claims) -> Found | None:
    """Return Discord's `verified`, which refers to the e-mail address; elsewhere it has other meanings."""
    return _found(claims.get("verified"), ("verified",)) if "discriminator" in claims else None


def valid_kakao_address(claims: Claims) -> Found | None:
    """Return Kakao's flag of the address, unless another account has taken the address over since."""
    if claims.get("isemailvalid") is False:
        return _found(False, ("isemailverified",))
    return None


def _found(value: Any, path: Path, used: Path | None = None) -> Found:
    return Found(value, path, path if used is None else used)


def _parsed(document: str) -> Any:
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
