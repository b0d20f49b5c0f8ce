"""Default values of attributes that a profile always has: name, nickname, picture."""

import re
from collections.abc import Mapping
from hashlib import md5
from typing import Any, Final, Literal, NamedTuple, cast, get_args
from unicodedata import category, combining, normalize
from urllib.parse import quote

AVATARS: Final = "https://cdn.auth0.com/avatars/"
PATH: Final = "/avatars"
"""The path under which Vita serves images of initials."""
_WORDS: Final = re.compile(r"[a-z]+")
_NOT_SHOWN: Final = re.compile(r"[^a-z0-9]")
_WORDS_OF_ANY_SCRIPT: Final = re.compile(r"[^\W\d_]+")
_NOT_SHOWN_OF_ANY_SCRIPT: Final = re.compile(r"[\W_]")
_NO_LETTERS: Final = "us"
_NAMED_BY: Final = ("name", "email", "nickname", "username")

Default = tuple[str, str]
"""(value, the attributes from which it was made)"""
PictureChoice = Literal["gravatar", "initials", "none"]


class Pictures(NamedTuple):
    """The default picture that a tenant chose, and Vita's public URL, under which images of initials are
    served."""

    choice: PictureChoice = "gravatar"
    address: str = ""


GRAVATAR: Final = Pictures()


def pictures_of(choice: str | None, address: str) -> Pictures:
    """Return the default pictures of a tenant; an unknown or absent choice means gravatar.com."""
    known = choice if choice in get_args(PictureChoice) else GRAVATAR.choice
    return Pictures(cast(PictureChoice, known), address)


def default_name(attributes: Mapping[str, Any], preferred: str | None, idp_id: str) -> Default:
    """Return given and family name, otherwise the e-mail address, another name, or the id."""
    parts = [part for part in ("given_name", "family_name") if part in attributes]
    if parts:
        return " ".join(attributes[part] for part in parts), "+".join(parts)
    return _first(attributes, ("email", "username"), preferred, ("phone_number", "nickname")) or (
        idp_id,
        "id",
    )


def default_nickname(attributes: Mapping[str, Any], preferred: str | None, idp_id: str) -> Default:
    """Return the local part of the e-mail address, otherwise another name, or the id."""
    address = attributes.get("email")
    if address:
        return address.rpartition("@")[0], "email"
    return _first(attributes, ("username",), preferred, ("name", "phone_number")) or (idp_id, "id")


def default_picture(
    attributes: Mapping[str, Any], provider: str, pictures: Pictures = GRAVATAR
) -> Default | None:
    """Return the default picture that the tenant chose, or None if it chose none.

    `gravatar` is the gravatar of the e-mail address, which falls back to an image of initials; without an
    address it is that image. `initials` is Vita's own image and contains nothing else of the user.
    """
    if pictures.choice == "none":
        return None
    if pictures.choice == "initials":
        initials, made_from = _initials_of_any_script(attributes, provider)
        return f"{pictures.address.rstrip('/')}{PATH}/{quote(initials, safe='')}.svg", made_from
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
    """Return the initials (a-z, 0-9) that name an image of Auth0's server."""
    spelled = {name: _plain(attributes.get(name) or "") for name in _NAMED_BY}
    return _first_letters(spelled, provider, _WORDS, _NOT_SHOWN)


def _initials_of_any_script(attributes: Mapping[str, Any], provider: str) -> Default:
    """Return the initials (letters and digits of any script) that name an image of Vita's."""
    spelled = {name: _without_marks(attributes.get(name) or "") for name in _NAMED_BY}
    return _first_letters(spelled, provider, _WORDS_OF_ANY_SCRIPT, _NOT_SHOWN_OF_ANY_SCRIPT)


def _first_letters(
    spelled: Mapping[str, str], provider: str, words_of: re.Pattern[str], not_shown: re.Pattern[str]
) -> Default:
    """Return the first letters of the first two words of the name.

    Without a name, they are the first two characters before the `@` of the address, or the first two
    letters of another name.
    """
    for source, value in spelled.items():
        before, is_address, _ = value.rpartition("@")
        if is_address and (shown := not_shown.sub("", before[:2])):
            return shown, source
        words = words_of.findall(value)
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


def _without_marks(value: str) -> str:
    """Return the text in lower case; accents stay only where a letter has them in one character."""
    lowered = value.lower()
    if lowered.isascii():
        return lowered
    return "".join(char for char in normalize("NFC", lowered) if not category(char).startswith("M"))
