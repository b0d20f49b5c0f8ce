"""Around every request: paths stay as they were sent, and one line of log without anything personal."""

import time
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.management import answers
from services.management.access_log import AccessLog
from services.management.endpoint import Endpoint
from services.management.refusals import URI_TOO_LONG

MAX_TARGET_BYTES: Final = 32 * 1024
Straight = Mapping[tuple[str, str], Endpoint]
"""Endpoints that need no router, by method and path; a path that ends in a slash stands for those with an id
behind it."""


class Transport:
    """Routes on the raw path, so that an encoded slash is part of an id; refuses overlong targets; logs."""

    def __init__(self, app: ASGIApp, straight: Straight, log: AccessLog) -> None:
        self._app, self._straight, self._log = app, dict(straight), log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            self._log.flush()
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        scope["path"] = raw.decode("latin-1")
        begin, status = time.perf_counter(), 0
        try:
            if len(raw) + len(scope["query_string"]) > MAX_TARGET_BYTES:
                status = URI_TOO_LONG.status
                await answers.refusal(URI_TOO_LONG)(scope, receive, send)
            elif (endpoint := self._straight_to(scope)) is not None:
                response = await endpoint(Request(scope, receive))
                status = response.status_code
                await response(scope, receive, send)
            else:

                async def watched(message: Message) -> None:
                    nonlocal status
                    if message["type"] == "http.response.start":
                        status = message["status"]
                    await send(message)

                await self._app(scope, receive, watched)
        finally:
            took = (time.perf_counter() - begin) * 1000
            self._log.tell(scope["method"], scope.get("vita.route", "none"), status, took)

    def _straight_to(self, scope: Scope) -> Endpoint | None:
        method, path = scope["method"], scope["path"]
        family, slash, identity = path.rpartition("/")
        if not identity:
            return None
        found = self._straight.get((method, family + slash))
        scope["path_params"] = {} if found is None else {"id": identity}
        return found or self._straight.get((method, path))
