"""The current request: its id, its tenant and client, and its use of the event loop."""

import asyncio
import contextvars
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog

from schemas.formats.identifiers import new_event_id
from services.runtime.background import start_task
from services.runtime.fairness.loop_shares import STEP_SECONDS, LoopShares

Result = TypeVar("Result")


@dataclass(slots=True)
class RequestContext:
    """The facts about a request. Tenant and client are None until its token is verified."""

    request_id: str
    shares: LoopShares
    tenant: str | None = None
    client: str | None = None
    position: str | None = None

    def facts(self) -> dict[str, str]:
        """Return the fields that are not None, for log lines."""
        named = {
            "request_id": self.request_id,
            "tenant": self.tenant,
            "client": self.client,
            "position": self.position,
        }
        return {name: value for name, value in named.items() if value is not None}


_current: Final[contextvars.ContextVar[RequestContext | None]] = contextvars.ContextVar(
    "vita_request", default=None
)


def current_request() -> RequestContext | None:
    """Return the request that the running task handles; None outside of a request."""
    return _current.get()


def identify(tenant: str, client: str) -> None:
    """Set the tenant and client of the current request after its token is verified."""
    if (request := _current.get()) is not None:
        request.tenant, request.client = tenant, client


async def own_turn() -> None:
    """Wait until the tenant of the current request may use more processor time. Endpoints await this before
    expensive work."""
    request = _current.get()
    if request is None or request.tenant is None:
        return
    await request.shares.enter(request.tenant)
    if request.shares.must_wait(request.tenant):
        await asyncio.sleep(0)


def step_seconds() -> float:
    """Return how long the next step of the current request may take if it can be interrupted."""
    request = _current.get()
    return STEP_SECONDS if request is None else request.shares.step_seconds(request.tenant)


def spend(seconds: float) -> None:
    """Add processor seconds that the current request used outside of the event loop."""
    if (request := _current.get()) is not None:
        request.shares.spend(request.tenant, seconds)


def request_id(now: datetime) -> str:
    """Return the id of the current request; outside of a request, a new id."""
    request = _current.get()
    return new_event_id(now) if request is None else request.request_id


def add_request(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the facts about the current request to a log line. Fields of the log line take precedence."""
    request = _current.get()
    return event if request is None else {**request.facts(), **event}


def shared_task(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Start work that several requests share as a task outside of any request, so that its log lines name
    none of them."""
    outside = contextvars.copy_context()
    outside.run(_current.set, None)
    return start_task(work, outside)


@contextmanager
def under_way(request: RequestContext) -> Iterator[None]:
    """Make `request` the current request during the `with` block."""
    before = _current.set(request)
    try:
        yield
    finally:
        _current.reset(before)
