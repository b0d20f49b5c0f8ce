"""Checkpoints: one short text that names every tree's size and root, signed with Ed25519.

The text is signed byte for byte. It reads: origin, number, time, then partition, size and root of each tree::

    vita/trail/profile.events
    42
    2026-11-23T10:00:00.000000Z
    0 1234 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
    1 77 bpwJ3xk0m7VFYJ2kQ1f6fE7bJv2VZ0o0cN7xT5mY3aI=

Numbers run from 1 without a hole, so that a checkpoint taken away is missed.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from projections.trail.merkle import HASH_BYTES

ORIGIN_PREFIX: Final = "vita/trail/"


class InvalidCheckpoint(ValueError):
    """The text is not a checkpoint in exactly the form in which checkpoints are written."""


class TreeHead(NamedTuple):
    """Size and root of a tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The trees of a topic, by partition, at a time (aware, UTC), as an auditor signs them."""

    topic: str
    number: int
    time: datetime
    heads: Mapping[int, TreeHead]

    def body(self) -> str:
        """Return the text that is signed."""
        lines = [f"{ORIGIN_PREFIX}{self.topic}", str(self.number), _render_time(self.time)]
        for partition, head in sorted(self.heads.items()):
            lines.append(f"{partition} {head.size} {base64.b64encode(head.root).decode()}")
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, body: str) -> Self:
        """Return the checkpoint with exactly this text. Raises InvalidCheckpoint when the text is not one."""
        try:
            origin, number, time, *trees = body.split("\n")[:-1]
            heads = dict(_parse_head(line) for line in trees)
            topic = origin.removeprefix(ORIGIN_PREFIX)
            checkpoint = cls(topic, int(number), datetime.fromisoformat(time), heads)
            if checkpoint.body() == body:
                return checkpoint
        except (ValueError, binascii.Error) as error:
            raise InvalidCheckpoint("not the form of a checkpoint") from error
        raise InvalidCheckpoint("not written as a checkpoint is")


def sign(body: str, key: Ed25519PrivateKey) -> bytes:
    """Return the signature over a checkpoint's text."""
    return key.sign(body.encode())


def is_signed(body: str, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Return whether the owner of this key signed exactly this text."""
    try:
        key.verify(signature, body.encode("utf-8", "surrogatepass"))
    except InvalidSignature:
        return False
    return True


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short name of a public key: `ed25519:` and the start of its SHA-256."""
    return "ed25519:" + sha256(key.public_bytes_raw()).hexdigest()[:16]


def _parse_head(line: str) -> tuple[int, TreeHead]:
    partition, size, root = line.split(" ")
    head = TreeHead(int(size), base64.b64decode(root, validate=True))
    if head.size < 0 or len(head.root) != HASH_BYTES:
        raise ValueError("not the head of a tree")
    return int(partition), head


def _render_time(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
