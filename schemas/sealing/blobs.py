"""Sealed blobs: AES-256-GCM with the context of the data bound in as associated data.

Blob layout: format byte (1) | key version (2, big endian) | nonce (12) | ciphertext and tag. Format 1 is
AES-256-GCM over the plaintext, with format and key version in front of the associated data. Format 2 is
deterministic and has no nonce: AES-256-SIV (RFC 5297) under a key derived from the same key with HKDF, so
that neither construction uses the other's key. Other values are reserved for compression and new ciphers.

Values in views are sealed with format 2, because a rebuilt view must be identical byte for byte. So are
cursors, because their key is never replaced and may seal any number of them. The synthetic IV is a MAC
over the plaintext, the place and the key, so that different contents never share one. A reader of sealed
values learns only whether a place holds the same content as before, and its length.
"""

import os
import struct
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

FORMAT: Final = 1
DETERMINISTIC: Final = 2
_HEADER: Final = struct.Struct(">BH")
_NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
_SIV_BYTES: Final = 16
_SIV_KEY_BYTES: Final = 64
_VIEWS: Final = b"vita sealed views"


CIPHERS: Final = 100_000
"""Ciphers that a process holds; as many as the keyring holds keys."""


class CannotUnseal(ValueError):
    """The blob does not open: wrong key, tenant, subject, event or class, or altered bytes."""


def seal(key: bytes, key_version: int, plaintext: bytes, associated: bytes) -> bytes:
    """Seal the plaintext; only this key with this associated data opens the blob."""
    header, nonce = _HEADER.pack(FORMAT, key_version), os.urandom(_NONCE_BYTES)
    return header + nonce + _cipher(key).encrypt(nonce, plaintext, header + associated)


def unseal(key: bytes, blob: bytes, associated: bytes) -> bytes:
    """Return the plaintext of a blob.

    Raises CannotUnseal when key or associated data differ, or the blob was altered.
    """
    if len(blob) < _HEADER.size + _NONCE_BYTES + 16 or blob[0] != FORMAT:
        raise CannotUnseal("unknown blob format")
    start = _HEADER.size + _NONCE_BYTES
    header, nonce = blob[: _HEADER.size], blob[_HEADER.size : start]
    try:
        return _cipher(key).decrypt(nonce, blob[start:], header + associated)
    except InvalidTag as error:
        raise CannotUnseal("the blob does not open with this key in this place") from error


def seal_in_place(key: bytes, key_version: int, plaintext: bytes, associated: bytes) -> bytes:
    """Seal deterministically: the same content in the same place gives the same blob.

    `plaintext` must not be empty.
    """
    header = _HEADER.pack(DETERMINISTIC, key_version)
    return header + AESSIV(_siv_key(key)).encrypt(plaintext, [header + associated])


def unseal_in_place(key: bytes, blob: bytes, associated: bytes) -> bytes:
    """Return the plaintext of a blob made by `seal_in_place`.

    Raises CannotUnseal when key or associated data differ, or the blob was altered.
    """
    if len(blob) <= _HEADER.size + _SIV_BYTES or blob[0] != DETERMINISTIC:
        raise CannotUnseal("unknown blob format")
    header, sealed = blob[: _HEADER.size], blob[_HEADER.size :]
    try:
        return AESSIV(_siv_key(key)).decrypt(sealed, [header + associated])
    except InvalidTag as error:
        raise CannotUnseal("the blob does not open with this key in this place") from error


@lru_cache(maxsize=CIPHERS)
def _cipher(key: bytes) -> AESGCM:
    """Return the cipher of a key. Making one takes longer than opening a small blob with it."""
    return AESGCM(key)


def _siv_key(key: bytes) -> bytes:
    """Derive the key of format 2. Keys are uniformly random, so that HKDF needs no extraction."""
    return HKDFExpand(hashes.SHA512(), _SIV_KEY_BYTES, _VIEWS).derive(key)


def key_version(blob: bytes) -> int:
    """Return the version of the key that sealed the blob. Raises CannotUnseal when the blob is too short."""
    if len(blob) < _HEADER.size:
        raise CannotUnseal("blob too short")
    version: int = _HEADER.unpack_from(blob)[1]
    return version


def associated_data(*parts: str) -> bytes:
    """Join the parts with a separator that cannot occur in them, so that the result is unambiguous."""
    return "\x00".join(parts).encode()
