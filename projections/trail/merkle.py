"""RFC 6962 hashing of an append-only list of leaves, stored as its compact range.

A tree of n leaves is stored as its *frontier*: the roots of its perfect subtrees, largest first, one for
each one-bit of n. The frontier suffices to append leaves and to compute the root.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Self

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

TILE_HEIGHT = 8
"""The root of every perfect subtree is stored at each 8th level, so that a proof reads few rows."""


class Node(NamedTuple):
    """The root of the perfect subtree over the leaves [position * 2**level, (position + 1) * 2**level)."""

    level: int
    position: int
    hash: bytes


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || record)."""
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def join_right(parts: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring perfect subtrees, largest first; there must be at least one."""
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring nodes of one level, whose number must be a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


@dataclass(frozen=True, slots=True)
class Tree:
    """An RFC 6962 tree of `size` leaves, reduced to its frontier."""

    size: int = 0
    frontier: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.frontier) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves cannot have {len(self.frontier)} frontier hashes")

    @property
    def root(self) -> bytes:
        return join_right(self.frontier) if self.frontier else EMPTY_ROOT

    def extend(self, leaves: Sequence[bytes]) -> tuple[Self, list[Node]]:
        """Return the tree with these leaf hashes appended, and the tile roots (levels 8, 16, …) that it
        completed."""
        size, stack, tiles = self.size, list(self.frontier), []
        for leaf in leaves:
            level, hash_ = 0, leaf
            while size >> level & 1:
                hash_ = sha256(b"\x01" + stack.pop() + hash_).digest()
                level += 1
                if not level % TILE_HEIGHT:
                    tiles.append(Node(level, size >> level, hash_))
            stack.append(hash_)
            size += 1
        return type(self)(size, tuple(stack)), tiles

    def pack(self) -> bytes:
        """Return the frontier as bytes, hash after hash."""
        return b"".join(self.frontier)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Self:
        """Return the tree of `size` leaves whose frontier was packed.

        Raises ValueError when the bytes are not a whole number of hashes, or not as many as `size` needs.
        """
        if len(packed) % HASH_BYTES:
            raise ValueError(f"a frontier of {len(packed)} bytes is not a whole number of hashes")
        return cls(size, tuple(packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES)))
