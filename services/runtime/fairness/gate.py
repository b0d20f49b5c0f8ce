"""Limits concurrent use of a resource, so that no tenant can block the others."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.fairness.shares import OverShare


class FairGate:
    """Admits at most `places` holders at once, of which at most `share` belong to one tenant.

    At most `queue` requests of a tenant wait. A place that becomes free goes to the waiting tenant that holds
    the fewest places, of those to the one that was served longest ago, and within a tenant in order of
    arrival. `what` names the resource in errors.
    """

    def __init__(self, what: str, places: int, share: int, queue: int) -> None:
        self._what, self._free, self._share, self._queue = what, places, max(1, min(share, places)), queue
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether the gate would admit a tenant that holds no place at once."""
        return self._free > 0

    def waiting(self) -> int:
        """Return how many wait for a place, of all tenants."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def place(self, tenant: str, patience_seconds: float) -> AsyncIterator[None]:
        """Hold a place during the `with` block, after waiting for at most `patience_seconds`.

        Raises OverShare when `queue` requests of the tenant wait already, or when the time is over and the
        tenant holds its whole share. Raises TimeoutError when the time is over and other tenants hold the
        places.
        """
        if self._free > 0 and self._held[tenant] < self._share and not self._waiting:
            self._enter(tenant)
        else:
            await self._wait(tenant, patience_seconds)
        try:
            yield
        finally:
            self._leave(tenant)

    def _enter(self, tenant: str) -> None:
        self._free -= 1
        self._held[tenant] += 1

    def _leave(self, tenant: str) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        if tenant in self._waiting:
            self._waiting.move_to_end(tenant)
        self._admit()

    async def _wait(self, tenant: str, patience_seconds: float) -> None:
        line = self._waiting.setdefault(tenant, deque())
        if len(line) >= self._queue:
            raise OverShare(self._what)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._admit()
        try:
            async with asyncio.timeout(patience_seconds):
                await turn
        except BaseException as error:
            had_its_share = self._held[tenant] >= self._share
            if turn.done() and not turn.cancelled():
                self._leave(tenant)
            else:
                self._forget(tenant, turn)
            if isinstance(error, TimeoutError) and had_its_share:
                raise OverShare(self._what) from None
            raise

    def _forget(self, tenant: str, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(tenant)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[tenant]
        self._admit()

    def _admit(self) -> None:
        while self._free > 0:
            eligible = [tenant for tenant in self._waiting if self._held[tenant] < self._share]
            if not eligible:
                return
            tenant = min(eligible, key=self._held.__getitem__)
            line = self._waiting[tenant]
            turn = line.popleft()
            self._waiting.move_to_end(tenant)
            if not line:
                del self._waiting[tenant]
            if not turn.done():
                self._enter(tenant)
                turn.set_result(None)
