"""Memory for request bodies, shared fairly: a caller can only ever use part of what the others leave free.

The shares are dynamic thresholds (Choudhury and Hahne, 1998), applied to tenants and, within a tenant, to its
clients: nothing is reserved, one busy client may use a third of the memory, one busy tenant half of it, and
however many tenants are busy, some memory is free for the next one.
"""

from collections import Counter
from types import TracebackType
from typing import Final, Self

from services.runtime.fairness.shares import OverShare

LARGEST_BODIES: Final = 3
"""How many of the largest bodies the memory holds at least, so that a client that is alone can send one."""


class BodyMemory:
    """Counts the received bytes of bodies until their requests are answered."""

    def __init__(self, limit_bytes: int, largest_body: int) -> None:
        self.free = max(limit_bytes, LARGEST_BODIES * largest_body)
        self._tenants: Counter[str] = Counter()
        self._clients: Counter[tuple[str, str]] = Counter()

    def lease(self, tenant: str = "", client: str = "") -> "Lease":
        """Return a lease that holds nothing yet; an unauthenticated caller is a client of the tenant `""`."""
        return Lease(self, tenant, client)

    def take(self, tenant: str, client: str, size: int) -> None:
        """Count received bytes. Raises OverShare when the tenant or the client would exceed its share; then
        nothing is counted."""
        tenants, clients = self._tenants[tenant], self._clients[tenant, client]
        if tenants + size > self.free or clients + size > self.free - tenants:
            self._forget(tenant, client)
            raise OverShare("memory for request bodies")
        self.free -= size
        self._tenants[tenant] = tenants + size
        self._clients[tenant, client] = clients + size

    def give_back(self, tenant: str, client: str, size: int) -> None:
        """Free bytes that were taken."""
        self.free += size
        self._tenants[tenant] -= size
        self._clients[tenant, client] -= size
        self._forget(tenant, client)

    def _forget(self, tenant: str, client: str) -> None:
        if not self._tenants[tenant]:
            del self._tenants[tenant]
        if not self._clients[tenant, client]:
            del self._clients[tenant, client]


class Lease:
    """The bytes that one request holds, given back at the end of the `with` block."""

    __slots__ = ("_client", "_memory", "_taken", "_tenant")

    def __init__(self, memory: BodyMemory, tenant: str, client: str) -> None:
        self._memory, self._tenant, self._client, self._taken = memory, tenant, client, 0

    def belongs_to(self, tenant: str, client: str) -> None:
        """Set the caller; only before the first bytes are taken."""
        assert not self._taken
        self._tenant, self._client = tenant, client

    def take(self, size: int) -> None:
        """Count received bytes. Raises OverShare when the tenant or the client would exceed its share."""
        self._memory.take(self._tenant, self._client, size)
        self._taken += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._taken:
            self._memory.give_back(self._tenant, self._client, self._taken)
            self._taken = 0
