"""Draws that depend on a key and a label only: the same on every machine, whatever was drawn before."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

_Option = TypeVar("_Option")


@dataclass(frozen=True, slots=True)
class Dice:
    """One roll per label; asking twice gives the same answer."""

    key: str

    def number(self, label: str, below: int) -> int:
        """From 0 up to, not including, `below`."""
        return int.from_bytes(self._roll(label)) % below

    def chance(self, label: str, percent: int) -> bool:
        """True in `percent` of a hundred keys."""
        return self.number(label, 100) < percent

    def pick(self, label: str, options: Sequence[_Option]) -> _Option:
        """One of the options."""
        return options[self.number(label, len(options))]

    def digits(self, label: str, length: int) -> str:
        """A decimal number of exactly `length` digits."""
        least = int(10 ** (length - 1))
        return str(least + int.from_bytes(self._roll(label)) % (9 * least))

    def hexes(self, label: str, length: int) -> str:
        """Up to 64 lower-case hexadecimal digits."""
        return self._roll(label).hex()[:length]

    def guid(self, label: str) -> uuid.UUID:
        """A random-looking UUID."""
        return uuid.UUID(bytes=self._roll(label)[:16], version=4)

    def _roll(self, label: str) -> bytes:
        return blake2b(f"{self.key}/{label}".encode(), digest_size=32).digest()
