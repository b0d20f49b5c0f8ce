"""Parses binary GUIDs of Active Directory in the forms in which JSON carries them."""

import re
from base64 import b64decode
from binascii import Error
from typing import Any
from uuid import UUID

_DASHED = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
_HEX = re.compile(r"[0-9a-fA-F]{32}")
_ESCAPED = re.compile(r"(?:\\x?[0-9a-fA-F]{2}){16}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{22}(?:==)?")


def guid(value: Any) -> str | None:
    """Return the canonical form (lower case, dashes) of a GUID, or None if the value is not one.

    Text with dashes is the GUID itself. All other forms are its 16 bytes, with the first three fields
    little-endian: base64, hexadecimal, `\\xNN` or `\\NN` escapes, a list of numbers, Node's `{"type":
    "Buffer"}`, or one character per byte.
    """
    if isinstance(value, str) and (dashed := _DASHED.fullmatch(value.strip())):
        return dashed[1].lower()
    raw = _bytes(value)
    return str(UUID(bytes_le=raw)) if raw is not None and len(raw) == 16 else None


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, dict):
        return _bytes(value.get("data")) if value.get("type") == "Buffer" else None
    if isinstance(value, list):
        if len(value) == 1:
            return None if isinstance(value[0], list) else _bytes(value[0])
        is_octets = all(
            isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 256 for item in value
        )
        return bytes(value) if is_octets else None
    return _bytes_of_text(value) if isinstance(value, str) else None


def _bytes_of_text(value: str) -> bytes | None:
    if len(value) == 16 and not value.isprintable():
        return value.encode("latin-1") if max(value) < "\u0100" else None
    value = value.strip()
    if _ESCAPED.fullmatch(value):
        return bytes.fromhex(value.replace("\\x", "").replace("\\", ""))
    if _HEX.fullmatch(value):
        return bytes.fromhex(value)
    if _BASE64.fullmatch(value):
        try:
            return b64decode(value.rstrip("=").replace("-", "+").replace("_", "/") + "==", validate=True)
        except Error:
            return None
    return None
