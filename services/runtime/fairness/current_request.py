"""The request under way: its id, its tenant and client, and what it uses of the event loop."""

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
    """What is known of the request under way; tenant and client once its token was verified."""

    request_id: str
    shares: LoopShares
    tenant: str | None = None
    client: str | None = None
    position: str | None = None

    def facts(self) -> dict[str, str]:
        """What log lines say of it."""
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
    """The request that the running task answers; None outside of any."""
    return _current.get()


def identify(tenant: str, client: str) -> None:
    """Note whose request is under way, once its token is verified."""
    if (request := _current.get()) is not None:
        request.tenant, request.client = tenant, client


async def own_turn() -> None:
    """Wait until the tenant of the request under way may compute more. An endpoint awaits this before work
    that costs much processor time."""
    request = _current.get()
    if request is None or request.tenant is None:
        return
    await request.shares.enter(request.tenant)
    if request.shares.must_wait(request.tenant):
        await asyncio.sleep(0)


def step_seconds() -> float:
    """How long the next step of the request under way may take, if it can be ended."""
    request = _current.get()
    return STEP_SECONDS if request is None else request.shares.step_seconds(request.tenant)


def spend(seconds: float) -> None:
    """Add processor time that the request under way used outside of the event loop, in seconds."""
    if (request := _current.get()) is not None:
        request.shares.spend(request.tenant, seconds)


def request_id(now: datetime) -> str:
    """The id of the request under way; outside of any, a new one."""
    request = _current.get()
    return new_event_id(now) if request is None else request.request_id


def add_request(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add what is known of the request under way to a log line; what the line says itself counts."""
    request = _current.get()
    return event if request is None else {**request.facts(), **event}


def shared_task(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run work that many requests share as a task, so that its log lines name none of them."""
    outside = contextvars.copy_context()
    outside.run(_current.set, None)
    return start_task(work, outside)


@contextmanager
def under_way(request: RequestContext) -> Iterator[None]:
    """Make `request` the request under way for the block."""
    before = _current.set(request)
    try:
        yield
    finally:
        _current.reset(before)
