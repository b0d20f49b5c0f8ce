"""Pseudo-random draws that depend only on a key and a label, not on earlier draws."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

_Option = TypeVar("_Option")


@dataclass(frozen=True, slots=True)
class Dice:
    """One draw per label. A label always gives the same result."""

    key: str

    def number(self, label: str, below: int) -> int:
        """Return a number from 0 up to, but not including, `below`."""
        return int.from_bytes(self._roll(label)) % below

    def chance(self, label: str, percent: int) -> bool:
        """Return True with a probability of `percent`."""
        return self.number(label, 100) < percent

    def pick(self, label: str, options: Sequence[_Option]) -> _Option:
        """Return one of the options."""
        return options[self.number(label, len(options))]

    def digits(self, label: str, length: int) -> str:
        """Return a decimal number of exactly `length` digits."""
        least = int(10 ** (length - 1))
        return str(least + int.from_bytes(self._roll(label)) % (9 * least))

    def hexes(self, label: str, length: int) -> str:
        """Return `length` lower-case hexadecimal digits, at most 64."""
        return self._roll(label).hex()[:length]

    def guid(self, label: str) -> uuid.UUID:
        """Return a UUID."""
        return uuid.UUID(bytes=self._roll(label)[:16], version=4)

    def _roll(self, label: str) -> bytes:
        return blake2b(f"{self.key}/{label}".encode(), digest_size=32).digest()
