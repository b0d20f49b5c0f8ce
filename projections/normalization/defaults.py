"""What a profile always shows, made up where the provider said nothing: name, nickname, picture."""

import re
from collections.abc import Mapping
from hashlib import md5
from typing import Any, Final, Literal, NamedTuple, cast, get_args
from unicodedata import category, combining, normalize
from urllib.parse import quote

AVATARS: Final = "https://cdn.auth0.com/avatars/"
PATH: Final = "/avatars"
"""Where Vita serves the images of initials."""
_WORDS: Final = re.compile(r"[a-z]+")
_NOT_SHOWN: Final = re.compile(r"[^a-z0-9]")
_WORDS_OF_ANY_SCRIPT: Final = re.compile(r"[^\W\d_]+")
_NOT_SHOWN_OF_ANY_SCRIPT: Final = re.compile(r"[\W_]")
_NO_LETTERS: Final = "us"
_NAMED_BY: Final = ("name", "email", "nickname", "username")

Default = tuple[str, str]
"""(value, what it was made from)"""
PictureChoice = Literal["gravatar", "initials", "none"]


class Pictures(NamedTuple):
    """What a tenant chose as the default picture, and the public address of Vita, which serves initials."""

    choice: PictureChoice = "gravatar"
    address: str = ""


GRAVATAR: Final = Pictures()


def pictures_of(choice: str | None, address: str) -> Pictures:
    """Return the default pictures of a tenant; those of gravatar.com without a known choice."""
    known = choice if choice in get_args(PictureChoice) else GRAVATAR.choice
    return Pictures(cast(PictureChoice, known), address)


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


def default_picture(
    attributes: Mapping[str, Any], provider: str, pictures: Pictures = GRAVATAR
) -> Default | None:
    """Return the default picture that the tenant chose, None if it chose none.

    `gravatar` is the gravatar of the address, with an image of initials behind it, or without an address
    that image; `initials` is Vita's own image and holds nothing else of the person.
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
    """The initials that name an image of Auth0's, of a-z and 0-9."""
    spelled = {name: _plain(attributes.get(name) or "") for name in _NAMED_BY}
    return _first_letters(spelled, provider, _WORDS, _NOT_SHOWN)


def _initials_of_any_script(attributes: Mapping[str, Any], provider: str) -> Default:
    """The initials that name an image of Vita's, of letters and digits."""
    spelled = {name: _without_marks(attributes.get(name) or "") for name in _NAMED_BY}
    return _first_letters(spelled, provider, _WORDS_OF_ANY_SCRIPT, _NOT_SHOWN_OF_ANY_SCRIPT)


def _first_letters(
    spelled: Mapping[str, str], provider: str, words_of: re.Pattern[str], not_shown: re.Pattern[str]
) -> Default:
    """First letters of the first two words of the name, the first two characters before the `@` of an
    address, digits included, or the first two letters of what else there is."""
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
    """Lower case, with accents only where a letter has them in one character."""
    lowered = value.lower()
    if lowered.isascii():
        return lowered
    return "".join(char for char in normalize("NFC", lowered) if not category(char).startswith("M"))
