"""Gives every HTTP request an id of Vita's own, which its answer, its log lines and its events carry."""

import asyncio
import contextvars
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from schemas.formats.identifiers import new_event_id
from services.runtime.background import start_task
from services.runtime.fairness.loop_shares import STEP_SECONDS, LoopShares, in_turns
from services.runtime.http.access_log import AccessLog

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from services.runtime.auth.tokens import Principal

Result = TypeVar("Result")

HEADER: Final = "X-Request-Id"
_NAME: Final = HEADER.lower().encode()
_POSITION: Final = b"vita-position"


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


def identify(principal: "Principal") -> None:
    """Note who sent the request under way, for the log."""
    if (request := _current.get()) is not None:
        request.tenant, request.client = principal.tenant, principal.client_id


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


class WithRequestId:
    """The outermost layer of an ASGI application: an id, a header and one line of log for each request, and
    tenants that take turns on the event loop."""

    def __init__(self, app: "ASGIApp", log: AccessLog, tenant_share: float = 1.0) -> None:
        self._app, self._log, self._shares = app, log, LoopShares(most=tenant_share)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            self._log.flush()
            return
        request, status = RequestContext(new_event_id(datetime.now(UTC)), self._shares), 0
        mark = (_NAME, request.request_id.encode())

        async def watched(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                request.position = _position(message.get("headers", ()))
                message["headers"] = [*message.get("headers", ()), mark]
            await send(message)

        async def answered() -> None:
            await self._app(scope, receive, watched)

        before, begin = _current.set(request), time.perf_counter()
        try:
            await in_turns(answered(), request, self._shares)
        finally:
            _current.reset(before)
            took = (time.perf_counter() - begin) * 1000
            self._log.tell(scope["method"], _route(scope), status, took, request.facts())


def _position(headers: Any) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == _POSITION), None)


def _route(scope: Mapping[str, Any]) -> str:
    """The template of the path, as a path itself may name a person."""
    return str(scope.get("vita.route") or getattr(scope.get("route"), "path", "none"))
