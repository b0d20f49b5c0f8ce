"""Sealed blobs: AES-256-GCM with everything that gives the data its meaning bound in as associated data.

Blob layout: format byte (1) | key version (2, big endian) | nonce (12) | ciphertext and tag. Format 1 is
AES-256-GCM over the bare plaintext, with format and key version in front of the associated data; other values
are free for compression and new ciphers.
"""

import os
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT: Final = 1
_HEADER: Final = struct.Struct(">BH")
_NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class CannotUnseal(ValueError):
    """The blob does not open: wrong key, tenant, subject, event or class, or altered bytes."""


def seal(key: bytes, key_version: int, plaintext: bytes, associated: bytes) -> bytes:
    """A blob only this key with this associated data opens."""
    header, nonce = _HEADER.pack(FORMAT, key_version), os.urandom(_NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, header + associated)


def unseal(key: bytes, blob: bytes, associated: bytes) -> bytes:
    """The plaintext of a blob. Raises CannotUnseal."""
    if len(blob) < _HEADER.size + _NONCE_BYTES + 16 or blob[0] != FORMAT:
        raise CannotUnseal("unknown blob format")
    start = _HEADER.size + _NONCE_BYTES
    header, nonce = blob[: _HEADER.size], blob[_HEADER.size : start]
    try:
        return AESGCM(key).decrypt(nonce, blob[start:], header + associated)
    except InvalidTag as error:
        raise CannotUnseal("the blob does not open with this key in this place") from error


def key_version(blob: bytes) -> int:
    """Which version of the key sealed this blob. Raises CannotUnseal on a blob too short to say."""
    if len(blob) < _HEADER.size:
        raise CannotUnseal("blob too short")
    version: int = _HEADER.unpack_from(blob)[1]
    return version


def associated_data(*parts: str) -> bytes:
    """The bound context, unambiguous because the separator cannot occur in a part."""
    return "\x00".join(parts).encode()
