"""How much ingest works on at once; what does not fit is told to come back."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.ingest.refusals import MAX_BYTES, overloaded


class Admission:
    """Counts the bytes of bodies between their first byte and their answer."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._admitted = max(limit_bytes, MAX_BYTES), 0

    @contextmanager
    def of(self, length: int | None) -> Iterator[None]:
        """Admits a body of this length, the largest when it is not announced. Raises RefusedError (429)."""
        size = MAX_BYTES if length is None else min(length, MAX_BYTES)
        if self._admitted + size > self._limit:
            raise overloaded()
        self._admitted += size
        try:
            yield
        finally:
            self._admitted -= size
