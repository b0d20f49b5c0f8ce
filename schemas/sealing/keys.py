"""Subject keys and the keyring that wraps them.

There are three layers, so that a remote key service is called once per process rather than once per user:
a key-encryption key of a provider (file, environment, AWS KMS, Vault transit) wraps a few *wrapping keys*
in the ledger, and these wrap the two keys of every subject in memory.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from schemas.formats.identifiers import KeyClass
from schemas.sealing.blobs import KEY_BYTES, CannotUnseal, associated_data, seal, unseal

_WRAPPING_KEY_ID: Final = struct.Struct(">I")
_DERIVED: Final = "vita derived key: "
KEY_CLASSES: Final[tuple[KeyClass, ...]] = ("profile", "activity")


class KeyProvider(Protocol):
    """Holds the key-encryption key. AWS KMS `Encrypt`/`Decrypt` with an encryption context and Vault
    transit fit this interface."""

    @property
    def name(self) -> str:
        """A name of provider and key that is safe to store and show."""

    async def wrap(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Return the plaintext encrypted under the key-encryption key and bound to the context."""

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return what `wrap` encrypted. Raises CannotUnseal when key or context differ."""


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """A subject's keys in the clear, one per class; None if the key of a class has been destroyed."""

    version: int
    profile: bytes | None = field(repr=False)
    activity: bytes | None = field(repr=False)

    def of(self, key_class: KeyClass) -> bytes | None:
        """Return the key of a class, or None if it has been destroyed."""
        return self.profile if key_class == "profile" else self.activity


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A subject's keys as the ledger stores them."""

    version: int
    profile: bytes | None
    activity: bytes | None


def generate_subject_keys() -> SubjectKeys:
    """Return new random keys with version 1."""
    return SubjectKeys(1, os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))


class Keyring:
    """Wraps and unwraps subject keys in memory. Of its wrapping keys, the newest wraps."""

    def __init__(self, wrapping_keys: Mapping[int, bytes]) -> None:
        if not wrapping_keys:
            raise ValueError("a keyring needs at least one wrapping key")
        self._wrapping_keys = dict(wrapping_keys)
        self._current = max(wrapping_keys)
        self._open = lru_cache(maxsize=100_000)(self._unwrap)

    def wrap(self, tenant: str, owner: str, keys: SubjectKeys) -> WrappedKeys:
        """Return the keys as the ledger stores them, bound to their owner."""
        return WrappedKeys(
            keys.version,
            self._wrap(tenant, owner, "profile", keys.version, keys.profile),
            self._wrap(tenant, owner, "activity", keys.version, keys.activity),
        )

    def open(self, tenant: str, owner: str, wrapped: WrappedKeys) -> SubjectKeys:
        """Return the keys of a ledger row. Raises CannotUnseal when the row is another owner's or
        keyring's."""
        return self._open(tenant, owner, wrapped)

    def wrap_secret(self, secret: bytes, *place: str) -> bytes:
        """Return a secret as the ledger stores it, bound to its context."""
        return self._sealed(secret, 1, associated_data("secret", *place))

    def open_secret(self, wrapped: bytes, *place: str) -> bytes:
        """Return what `wrap_secret` wrapped. Raises CannotUnseal when context or keyring differ."""
        return self._opened(wrapped, associated_data("secret", *place))

    def derived(self, purpose: str) -> bytes:
        """Return a key for one purpose, the same in every process.

        It is derived from the oldest wrapping key, so that it does not change when keys are added.
        """
        oldest = self._wrapping_keys[min(self._wrapping_keys)]
        return HKDFExpand(hashes.SHA256(), KEY_BYTES, (_DERIVED + purpose).encode()).derive(oldest)

    def _unwrap(self, tenant: str, owner: str, wrapped: WrappedKeys) -> SubjectKeys:
        def one(key_class: KeyClass, blob: bytes | None) -> bytes | None:
            if blob is None:
                return None
            return self._opened(blob, associated_data("key", tenant, owner, key_class))

        return SubjectKeys(
            wrapped.version, one("profile", wrapped.profile), one("activity", wrapped.activity)
        )

    def _opened(self, blob: bytes, associated: bytes) -> bytes:
        if len(blob) < _WRAPPING_KEY_ID.size:
            raise CannotUnseal("blob too short")
        (identity,) = _WRAPPING_KEY_ID.unpack_from(blob)
        wrapping = self._wrapping_keys.get(identity)
        if wrapping is None:
            raise CannotUnseal("the keyring lacks this wrapping key")
        return unseal(wrapping, blob[_WRAPPING_KEY_ID.size :], associated)

    def _sealed(self, plaintext: bytes, version: int, associated: bytes) -> bytes:
        blob = seal(self._wrapping_keys[self._current], version, plaintext, associated)
        return _WRAPPING_KEY_ID.pack(self._current) + blob

    def _wrap(
        self, tenant: str, owner: str, key_class: KeyClass, version: int, key: bytes | None
    ) -> bytes | None:
        if key is None:
            return None
        return self._sealed(key, version, associated_data("key", tenant, owner, key_class))
