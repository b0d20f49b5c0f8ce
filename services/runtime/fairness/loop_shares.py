"""Shares the event loop fairly among tenants.

A step is the part of a request between two awaits. The loop runs all steps that are ready before it looks for
new ones, so a tenant with many concurrent requests would delay every other tenant. While other tenants are
active, there are two limits:

- The steps of a tenant that uses more than SMALL_SHARE of the loop wait for turns. Each round of the loop
  runs one waiting step, of the tenant that used the least.
- The requests of a tenant that uses more than `most` of a processor are delayed before they begin.

A tenant that is alone is not limited.
"""

import asyncio
import time
from asyncio import sleep
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from math import exp, log
from types import coroutine
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakValueDictionary

import structlog

SMALL_SHARE: Final = 0.05
"""Share of the loop's time up to which a tenant's steps do not wait for turns."""
WINDOW_SECONDS: Final = 1.0
"""Time constant of the exponential average of a tenant's use."""
ACTIVE_SECONDS: Final = 60.0
"""How long a tenant counts as active after its last step."""
LOG_INTERVAL_SECONDS: Final = 60.0
"""Minimum interval between two log lines about delayed requests."""
STEP_SECONDS: Final = 0.0003
"""Maximum duration of a step that can be interrupted."""
ALONE_STEP_SECONDS: Final = 0.001
"""Maximum duration of such a step while no other tenant is active. An interruption costs about as much as one
or two logins."""
_log = structlog.get_logger()
Item = TypeVar("Item")
Result = TypeVar("Result")


class OfTenant(Protocol):
    """A request. Its tenant is None until the request is authenticated."""

    tenant: str | None


class LoopShares:
    """Measures each tenant's recent use of the event loop and decides whose step runs next."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter, most: float = 1.0) -> None:
        """`most` is the share of one processor that a tenant may use while others are active; 1 sets no
        limit."""
        self._clock, self._most = clock, most
        self._logged_at = float("-inf")
        self._entrances: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._used: OrderedDict[str | None, tuple[float, float]] = OrderedDict()
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}
        self._next: asyncio.Handle | None = None

    def count(self, tenant: str | None, began: float) -> None:
        """Add the time from `began`, a time of `now`, until now to the tenant's use."""
        self.spend(tenant, self._clock() - began)

    def spend(self, tenant: str | None, seconds: float) -> None:
        """Add time that a request of the tenant used on the loop, in a thread or in the database."""
        now = self._clock()
        self._used[tenant] = self._share(tenant, now) + seconds / WINDOW_SECONDS, now
        self._used.move_to_end(tenant)
        while now - next(iter(self._used.values()))[1] > ACTIVE_SECONDS:
            self._used.popitem(last=False)

    def now(self) -> float:
        """Return the time, in seconds, of the clock that measures steps."""
        return self._clock()

    def step_seconds(self, tenant: str | None) -> float:
        """Return how long the tenant's next step may take if it can be interrupted."""
        return STEP_SECONDS if self._has_others(tenant) else ALONE_STEP_SECONDS

    def must_wait(self, tenant: str | None) -> bool:
        """Whether the tenant's next step must wait for a turn."""
        if tenant in self._waiting:
            return True
        return self._has_others(tenant) and self._share(tenant, self._clock()) > SMALL_SHARE

    async def enter(self, tenant: str) -> None:
        """Wait until a request of the tenant may begin. While the tenant exceeds its share, its requests
        begin one at a time, each when the average has decayed to the share."""
        if self._excess_seconds(tenant) <= 0 and tenant not in self._entrances:
            return
        entrance = self._entrances.setdefault(tenant, asyncio.Lock())
        async with entrance:
            if (seconds := self._excess_seconds(tenant)) > 0:
                self._log_delay(tenant)
                await sleep(seconds)

    def turn(self, tenant: str | None) -> asyncio.Future[None]:
        """Return a future that is done when it is the tenant's turn."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        if self._next is None:
            self._next = loop.call_soon(self._give)
        return turn

    def _give(self) -> None:
        self._next = None
        while self._waiting:
            now = self._clock()
            tenant = min(self._waiting, key=lambda waiting: self._share(waiting, now))
            line = self._waiting[tenant]
            turn = line.popleft()
            if not line:
                del self._waiting[tenant]
            if not turn.done():
                turn.set_result(None)
                break
        if self._waiting:
            self._next = asyncio.get_running_loop().call_soon(self._give)

    def _log_delay(self, tenant: str) -> None:
        """Log that the requests of the tenant are delayed, at most once per LOG_INTERVAL_SECONDS for all
        tenants."""
        now = self._clock()
        if now - self._logged_at >= LOG_INTERVAL_SECONDS:
            self._logged_at = now
            _log.warning("tenant_share_used_up", tenant=tenant, share=self._most)

    def _excess_seconds(self, tenant: str) -> float:
        """Return how long it takes until the tenant's average has decayed to its share; 0.0 if it is not
        exceeded."""
        if self._most >= 1 or not self._has_others(tenant):
            return 0.0
        share = self._share(tenant, self._clock())
        return WINDOW_SECONDS * log(share / self._most) if share > self._most else 0.0

    def _has_others(self, tenant: str | None) -> bool:
        return len(self._used) > len(self._used.keys() & {None, tenant})

    def _share(self, tenant: str | None, now: float) -> float:
        share, at = self._used.get(tenant, (0.0, now))
        return share * exp((at - now) / WINDOW_SECONDS)


async def in_steps(items: Iterable[Item], seconds: Callable[[], float]) -> AsyncIterator[Item]:
    """Yield the items and let other tasks run when a step has taken longer than `seconds()`."""
    end = time.perf_counter() + seconds()
    for item in items:
        yield item
        if time.perf_counter() > end:
            await sleep(0)
            end = time.perf_counter() + seconds()


@coroutine
def in_turns(
    work: Coroutine[Any, Any, Result], request: OfTenant, shares: LoopShares
) -> Generator[Any, Any, Result]:
    """Run a request's work: count each step as use of its tenant and wait for a turn where necessary."""
    value: Any = None
    error: BaseException | None = None
    while True:
        began = shares.now()
        try:
            awaited = work.send(value) if error is None else work.throw(error)
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            error = None
            shares.count(request.tenant, began)
        try:
            value = yield awaited
            if shares.must_wait(request.tenant):
                yield from shares.turn(request.tenant)
        except BaseException as raised:  # every exception is raised inside the work
            error = raised
        # A failed future holds its exception, and the traceback holds this frame: without this line the cycle
        # would keep the request's body in memory until the garbage collector runs.
        awaited = None
