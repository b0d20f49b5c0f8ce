"""Gives every HTTP request an id of Vita's own, which its response, its log lines and its events carry."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from schemas.formats.identifiers import new_event_id
from services.runtime.fairness.current_request import RequestContext, under_way
from services.runtime.fairness.loop_shares import LoopShares, in_turns
from services.runtime.http.access_log import AccessLog
from services.runtime.metrics.catalogue import HTTP_REQUEST_SECONDS, HTTP_REQUESTS
from services.runtime.metrics.meters import adding, observing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-Id"
_NAME: Final = HEADER.lower().encode()
_POSITION: Final = b"vita-position"
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class WithRequestId:
    """The outermost layer of an ASGI application: an id, a header, one line of log and metrics for each
    request, and tenants that take turns on the event loop."""

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

        begin = time.perf_counter()
        try:
            with under_way(request):
                await in_turns(answered(), request, self._shares)
        finally:
            seconds, route = time.perf_counter() - begin, _route(scope)
            self._log.record(scope["method"], route, status, seconds * 1000, request.facts())
            _count(scope["method"], route, status, seconds)


def _position(headers: Any) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == _POSITION), None)


def _count(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. Callers choose methods, so those that HTTP does not know are one."""
    add, observe = _meters(method if method in _METHODS else "other", route, status)
    add(1)
    observe(seconds)


@cache
def _meters(method: str, route: str, status: int) -> tuple[Callable[[float], None], Callable[[float], None]]:
    return (
        adding(HTTP_REQUESTS, method, route, str(status)),
        observing(HTTP_REQUEST_SECONDS, method, route),
    )


def _route(scope: Mapping[str, Any]) -> str:
    """The template of the path, as a path itself may name a person."""
    return str(scope.get("vita.route") or getattr(scope.get("route"), "path", "none"))
