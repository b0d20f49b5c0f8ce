"""The key that signs checkpoints, and the keys that a verifier trusts."""

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from projections.trail.checkpoint import key_id, sign

KEY_FILE_NAME: Final = "checkpoint.pem"

_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


class CheckpointSigner(Protocol):
    """Signs the text of a checkpoint. A remote key service fits this interface as well as a file."""

    @property
    def key_id(self) -> str:
        """The name of the public key that verifies its signatures."""

    async def sign(self, body: str) -> bytes:
        """Return the Ed25519 signature of the text."""


class FileSigner:
    """Signs with the private key in a PEM file, which is created on first use and readable by its owner
    only.

    Earlier public keys may follow in the file.
    """

    def __init__(self, path: Path) -> None:
        self._key = _private_key(_read_or_create(path))
        self.key_id = key_id(self._key.public_key())

    async def sign(self, body: str) -> bytes:
        return sign(body, self._key)


def signer(provider: str) -> CheckpointSigner:
    """Return the signer of a provider string of the form `file:<path>`. Raises ValueError for any other."""
    return FileSigner(key_path(provider))


def key_path(provider: str) -> Path:
    """Return the path in a `file:` provider string. Raises ValueError for any other string."""
    kind, _, place = provider.partition(":")
    if kind != "file" or not place:
        raise ValueError("a checkpoint key provider has the form file:<path>")
    return Path(place)


def default_provider(key_provider: str) -> str:
    """Return the default provider of the checkpoint key: a file beside the key-encryption key's."""
    return f"file:{key_path(key_provider).with_name(KEY_FILE_NAME)}"


def trusted_keys(provider: str) -> Mapping[str, Ed25519PublicKey]:
    """Return the keys in the provider's file, by key id. Raises ValueError when it holds no usable key."""
    return public_keys(key_path(provider).read_bytes())


def public_keys(pem: bytes) -> Mapping[str, Ed25519PublicKey]:
    """Return the public keys in the text, and those of its private keys, by key id.

    Raises ValueError when the text has no key in PEM form, or one that is not Ed25519.
    """
    keys = [_public_key(block.group(0)) for block in _PEM.finditer(pem)]
    if not keys:
        raise ValueError("the file holds no key in PEM form")
    return {key_id(key): key for key in keys}


def export(key: Ed25519PublicKey) -> bytes:
    """Return the public key in PEM form, for auditors outside of Vita."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public_key(pem: bytes) -> Ed25519PublicKey:
    if b" PRIVATE KEY" in pem:
        return _private_key(pem).public_key()
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a checkpoint key is an Ed25519 key")
    return key


def _private_key(pem: bytes) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a checkpoint key is an Ed25519 key")
    return key


def _read_or_create(path: Path) -> bytes:
    """Return the file's content. If several processes create it at once, one wins and all read its key."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_new_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
    return path.read_bytes()


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
