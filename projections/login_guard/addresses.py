"""Failed logins from one IP address, and the token bucket that limits them."""

from bisect import insort
from collections.abc import Iterable
from typing import Final, NamedTuple

from schemas.formats.spelling import ip_address

MAX_TIMES: Final = 1000
"""The number of latest failures of an address that each partition of the log keeps; no bucket may be
larger."""


class Address(NamedTuple):
    """The failures of an address in one partition of the log: their times, and the time of the last release,
    in milliseconds since 1970."""

    times: tuple[int, ...] = ()
    released_at: int | None = None

    def failed(self, at: int) -> "Address":
        """Return the address with one more failure; beyond `MAX_TIMES` the earliest is dropped."""
        times = list(self.times)
        insort(times, at)
        return self._replace(times=tuple(times[-MAX_TIMES:]))

    def released(self, at: int) -> "Address":
        """Return the address after a release; failures up to `at` no longer count."""
        return self._replace(released_at=at if self.released_at is None else max(at, self.released_at))


def address_of(text: str) -> str:
    """Return the canonical notation of an IP address; any other text in lower case."""
    return ip_address(text) or text.lower()


def counting(rows: Iterable[Address]) -> list[int]:
    """Return the times of all failures that count, ascending, from the rows of all partitions."""
    found = list(rows)
    released = max((row.released_at for row in found if row.released_at is not None), default=-1)
    return sorted(time for row in found for time in row.times if time > released)


def is_exhausted(times: Iterable[int], capacity: int, rate_ms: int, now: int) -> bool:
    """Whether a token bucket is empty at `now`. It starts with `capacity` tokens, each failure takes one if
    there is one, and one is added every `rate_ms`. `times` ascend.

    The calculation uses milliseconds of refill and is not rounded. It is exact if `times` reaches back to a
    time at which the bucket was full.
    """
    full = capacity * rate_ms
    credit, last = full, None
    for time in times:
        credit = _refilled(credit, full, last, time)
        credit -= rate_ms if credit >= rate_ms else 0
        last = time
    return _refilled(credit, full, last, now) < rate_ms


def _refilled(credit: int, full: int, last: int | None, now: int) -> int:
    return credit if last is None else min(full, credit + max(0, now - last))
