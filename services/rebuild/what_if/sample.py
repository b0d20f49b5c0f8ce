"""A random sample of the people whose logins are mapped again."""

from heapq import heappush, heappushpop
from typing import Final
from zlib import crc32

_SEED: Final = 0x51ED270B


class Sample:
    """The `most` record keys with the smallest hashes among all that are offered: the same ones whatever the
    order, and none is more likely than another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._largest_first: list[tuple[int, bytes]] = []
        self._keys: set[bytes] = set()

    @property
    def keys(self) -> frozenset[bytes]:
        """The keys of the sample."""
        return frozenset(self._keys)

    def offer(self, key: bytes) -> None:
        """Offer a key, as often as one likes."""
        if key in self._keys:
            return
        entry = -crc32(key, _SEED), key
        if len(self._keys) < self._most:
            heappush(self._largest_first, entry)
            self._keys.add(key)
        elif entry > self._largest_first[0]:
            _, dropped = heappushpop(self._largest_first, entry)
            self._keys.remove(dropped)
            self._keys.add(key)
