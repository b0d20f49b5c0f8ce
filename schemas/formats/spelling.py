"""One spelling for what is written in several: Unicode forms, identifiers, IP addresses."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final

_BRACKETED: Final = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[^\]\s]+)?)\](?::[0-9]{1,5})?")
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""Every address of IPv4 in its one notation, and nothing else."""
_WITH_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}")


def composed(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), in which all values are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def identifier_key(text: str) -> str:
    """Return what an identifier that somebody typed is recognised by: without blanks around it, composed, in
    lower case."""
    return composed(composed(text.strip()).lower())


@lru_cache(4096)
def ip_address(text: str) -> str | None:
    """Return the one notation of an IP address, or None if the text is none.

    Brackets, a port and a zone, as proxies and sockets write them, are left away; an IPv4 address mapped into
    IPv6 is the IPv4 address.
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
