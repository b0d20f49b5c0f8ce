"""The key that signs checkpoints, and the keys a verifier trusts."""

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
    """Signs a checkpoint's text; a remote key service fits as well as a file."""

    @property
    def key_id(self) -> str:
        """The name of the public key that checks its signatures."""

    async def sign(self, body: str) -> bytes:
        """The Ed25519 signature over the text."""


class FileSigner:
    """Signs with the private key in a PEM file, made on first use and readable by its owner alone.

    Public keys that signed before may stand below it in the file.
    """

    def __init__(self, path: Path) -> None:
        self._key = _private_key(_read_or_create(path))
        self.key_id = key_id(self._key.public_key())

    async def sign(self, body: str) -> bytes:
        return sign(body, self._key)


def signer(provider: str) -> CheckpointSigner:
    """The signer behind a provider string; `file:<path>` is the one there is."""
    return FileSigner(key_path(provider))


def key_path(provider: str) -> Path:
    """Where the key of a `file:` provider lies."""
    kind, _, place = provider.partition(":")
    if kind != "file" or not place:
        raise ValueError("a checkpoint key provider is written file:<path>")
    return Path(place)


def beside(key_provider: str) -> str:
    """The checkpoint key's provider when none is named: a file beside the key-encryption key's."""
    return f"file:{key_path(key_provider).with_name(KEY_FILE_NAME)}"


def trusted_keys(provider: str) -> Mapping[str, Ed25519PublicKey]:
    """The keys that a verifier trusts who has this provider's file, or one with nothing but public keys."""
    return public_keys(key_path(provider).read_bytes())


def public_keys(pem: bytes) -> Mapping[str, Ed25519PublicKey]:
    """The keys to trust, by key id: the public keys in the text and the public halves of private ones."""
    keys = [_public_key(block.group(0)) for block in _PEM.finditer(pem)]
    if not keys:
        raise ValueError("no key in PEM form was found")
    return {key_id(key): key for key in keys}


def export(key: Ed25519PublicKey) -> bytes:
    """The public key in PEM, as auditors outside get it."""
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
    """The file's content; of several processes that make it at once one wins and all read the same key."""
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
