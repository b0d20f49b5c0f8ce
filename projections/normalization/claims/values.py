"""Readers: the values that a claim may have to become an attribute.

A reader returns (value, path below the claim), or None if the claim has no such value. Empty and blank
strings, nulls and empty containers are not values. Of a list, the first usable element is read.
"""

import re
from collections.abc import Callable
from typing import Any

from projections.normalization.claims.paths import Path
from schemas.formats.characters import is_safe

Read = tuple[Any, Path]
Reader = Callable[[Any], Read | None]

MAX_INTEGER_BITS = 4096
"""Longer integers are not ids or names. Python refuses to format those of more than 4,300 digits."""

_HERE: Path = ()
_PICTURE = re.compile(r"https?://[^\s/?#]+\S*|data:image/[a-z0-9.+-]+(?:;[a-z0-9=-]+)*,[!-~]+", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s\x00-\x1f]+@[^\s@\x00-\x1f]+")
_VOUCHED = re.compile(r"(?:mailto:|(?:live\.com|google\.com|facebook\.com|mail)#)(?=[^@]+@)", re.IGNORECASE)
"""A prefix of an address: the scheme of a link, or the issuer of the account (Entra ID's names of guests)."""
_LINK = re.compile(r"(mailto:[^?]+)\?.*", re.IGNORECASE)
"""A mailto link with the subject or other parts of a message."""
_PHONE = re.compile(r"\+[0-9]{1,15}")
_PHONE_SEPARATORS = str.maketrans("", "", " \u00a0-.()/")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_PICTURE_KEYS = ("url", "href", "src", "value", "imageUrl", "image_url", "link", "picture", "large", "data")
_ADDRESS_KEYS = ("value", "email", "address", "email_address", "emailAddress", "Address", "handle")
_PRIMARY_KEYS = ("primary", "is_primary", "isPrimary", "IsPrimary")
_VERIFIED_KEYS = (
    "verified",
    "is_verified",
    "isVerified",
    "Verified",
    "is_confirmed",
    "confirmed",
    "email_verified",
)


def is_empty(value: Any) -> bool:
    """Return whether the value counts as absent; containers are checked one level deep."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, (dict, list)) and not value)


def text(value: Any) -> Read | None:
    """Read a string unchanged, or an integer in full."""
    if isinstance(value, str):
        return (value, _HERE) if value and not value.isspace() else None
    if isinstance(value, list):
        return _first(value, text)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= MAX_INTEGER_BITS:
        return str(value), _HERE
    return None


def email(value: Any) -> Read | None:
    """Read an e-mail address without surrounding blanks and prefixes (`live.com#`, `mailto:`).

    Of a list of addresses it is the primary one, otherwise the first.
    """
    if isinstance(value, str):
        address = value.strip()
        if "#" in address or ":" in address:
            address = _VOUCHED.sub("", _LINK.sub(r"\1", address), count=1)
        return (address, _HERE) if _EMAIL.fullmatch(address) else None
    if isinstance(value, list):
        order = sorted(range(len(value)), key=lambda index: not _is_primary(value[index]))
        for index in order:
            read = None if isinstance(value[index], list) else email(value[index])
            if read is not None:
                return read[0], (index, *read[1])
    if isinstance(value, dict):
        for key in _ADDRESS_KEYS:
            if isinstance(value.get(key), str) and (read := email(value[key])) is not None:
                return read[0], (key,)
    return None


def verification(entries: Any, address: str) -> tuple[bool, Path] | None:
    """Return what a list of addresses with flags says about `address`: (verified, path of the flag)."""
    if not isinstance(entries, list):
        return None
    for index, entry in enumerate(entries):
        read = email(entry) if isinstance(entry, dict) else None
        if read is None or read[0].lower() != address.lower():
            continue
        for key in _VERIFIED_KEYS:
            flag = boolean(entry.get(key))
            if flag is not None:
                return flag[0], (index, key)
    return None


def phone(value: Any) -> Read | None:
    """Read a phone number as +<1..15 digits>, without blanks, dashes, dots, slashes and brackets."""
    read = text(value)
    if read is None:
        return None
    number = read[0].translate(_PHONE_SEPARATORS)
    return (number, read[1]) if _PHONE.fullmatch(number) else None


def is_picture(text: str) -> bool:
    """Return whether a text is an http(s) URL or a data image without control or bidirectional characters."""
    return _PICTURE.fullmatch(text) is not None and is_safe(text)


def picture(value: Any, depth: int = 3) -> Read | None:
    """Read a picture, also inside an object ({url}, {data: {url}}) or a list of either."""
    if isinstance(value, str):
        address = value.strip()
        return (address, _HERE) if is_picture(address) else None
    if not depth:
        return None
    if isinstance(value, list):
        return _first(value, lambda item: picture(item, depth - 1))
    if isinstance(value, dict):
        for key in _PICTURE_KEYS:
            read = picture(value.get(key), depth - 1)
            if read is not None:
                return read[0], (key, *read[1])
    return None


def boolean(value: Any) -> Read | None:
    """Read true or false, also as the words or the numbers 1 and 0."""
    if isinstance(value, bool):
        return value, _HERE
    if isinstance(value, int | float):
        return (value == 1, _HERE) if value in (0, 1) else None
    if isinstance(value, str):
        flag = _BOOLEANS.get(value.strip().lower())
        return None if flag is None else (flag, _HERE)
    return _first(value, boolean) if isinstance(value, list) else None


def identifier(value: Any) -> Read | None:
    """Read a provider's id: text without surrounding blanks, or an exact integer, which stays an integer.

    A float is an id only if it is a whole number that a double represents exactly.
    """
    if isinstance(value, str):
        return (value.strip(), _HERE) if value and not value.isspace() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (value, _HERE) if value.bit_length() <= MAX_INTEGER_BITS else None
    if isinstance(value, float):
        return (int(value), _HERE) if value.is_integer() and abs(value) < 2**53 else None
    return _first(value, identifier) if isinstance(value, list) else None


def anything(value: Any) -> Read | None:
    """Read any value that is not empty."""
    return None if is_empty(value) else (value, _HERE)


def _first(values: list[Any], reader: Reader) -> Read | None:
    for index, value in enumerate(values):
        read = None if isinstance(value, list) else reader(value)
        if read is not None:
            return read[0], (index, *read[1])
    return None


def _is_primary(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    if entry.get("type") == "primary":
        return True
    return any(entry.get(key) in (True, "true") for key in _PRIMARY_KEYS)
