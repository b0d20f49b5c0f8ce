"""Canonical forms of values that can be written in several ways: Unicode text, identifiers, IP addresses."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final

_BRACKETED: Final = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[^\]\s]+)?)\](?::[0-9]{1,5})?")
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""Matches IPv4 addresses in their canonical notation, and nothing else."""
_WITH_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}")


def composed(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), in which all values are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def identifier_key(text: str) -> str:
    """Return the form in which typed identifiers are compared: trimmed, composed, in lower case."""
    return composed(composed(text.strip()).lower())


@lru_cache(4096)
def ip_address(text: str) -> str | None:
    """Return the canonical notation of an IP address, or None if the text is not one.

    Brackets, a port and a zone, as proxies and sockets write them, are removed. An IPv4 address mapped
    into IPv6 becomes the IPv4 address.
    """
    if _PLAIN_IPV4.fullmatch(text):
        return text
    written = text.strip()
    if found := _BRACKETED.fullmatch(written) or _WITH_PORT.fullmatch(written):
        written = found[1]
    try:
        address = ipaddress.ip_address(written.partition("%")[0] if ":" in written else written)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
