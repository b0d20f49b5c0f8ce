"""What a profile always shows, made up where the provider said nothing: name, nickname, picture."""

import re
from collections.abc import Mapping
from hashlib import md5
from typing import Any, Final
from unicodedata import combining, normalize

AVATARS: Final = "https://cdn.auth0.com/avatars/"
_WORDS: Final = re.compile(r"[a-z]+")
_NOT_SHOWN: Final = re.compile(r"[^a-z0-9]")
_NO_LETTERS: Final = "us"

Default = tuple[str, str]
"""(value, what it was made from)"""


def default_name(attributes: Mapping[str, Any], preferred: str | None, idp_id: str) -> Default:
    """Given and family name, else the address, else whatever the person is called by, else the id."""
    parts = [part for part in ("given_name", "family_name") if part in attributes]
    if parts:
        return " ".join(attributes[part] for part in parts), "+".join(parts)
    return _first(attributes, ("email", "username"), preferred, ("phone_number", "nickname")) or (
        idp_id,
        "id",
    )


def default_nickname(attributes: Mapping[str, Any], preferred: str | None, idp_id: str) -> Default:
    """The address's local part, else whatever the person is called by, else the id."""
    address = attributes.get("email")
    if address:
        return address.rpartition("@")[0], "email"
    return _first(attributes, ("username",), preferred, ("name", "phone_number")) or (idp_id, "id")


def default_picture(attributes: Mapping[str, Any], provider: str) -> Default:
    """The gravatar of the address, with an image of initials behind it; without an address that image."""
    address = attributes.get("email")
    initials, made_from = _initials(attributes, provider)
    if not address:
        return f"{AVATARS}{initials}.png", made_from
    digest = md5(address.strip().lower().encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    image = f"https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{initials}.png"
    return f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d={image}", "email"


def _first(
    attributes: Mapping[str, Any], before: tuple[str, ...], preferred: str | None, after: tuple[str, ...]
) -> Default | None:
    for name in before:
        if name in attributes:
            return attributes[name], name
    if preferred is not None:
        return preferred, "preferred_username"
    for name in after:
        if name in attributes:
            return attributes[name], name
    return None


def _initials(attributes: Mapping[str, Any], provider: str) -> Default:
    """First letters of the first two words of the name, the first two characters before the `@` of an
    address, digits included, or the first two letters of what else there is."""
    for source in ("name", "email", "nickname", "username"):
        value = attributes.get(source)
        if value:
            before, is_address, _ = value.rpartition("@")
            if is_address and (shown := _NOT_SHOWN.sub("", _plain(before[:2]))):
                return shown, source
            words = _WORDS.findall(_plain(value))
            if len(words) > 1 and not is_address:
                return words[0][0] + words[1][0], source
            if words:
                return "".join(words)[:2], source
    return "".join(_WORDS.findall(provider))[:2] or _NO_LETTERS, "provider"


def _plain(value: str) -> str:
    lowered = value.lower()
    if lowered.isascii():
        return lowered
    return "".join(char for char in normalize("NFKD", lowered) if not combining(char))
