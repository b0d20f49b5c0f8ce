"""Around every request: paths stay as they were sent, and one line of log without anything personal."""

import time
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.management import answers
from services.management.endpoint import Endpoint
from services.management.refusals import URI_TOO_LONG

MAX_TARGET_BYTES: Final = 32 * 1024
_log = structlog.get_logger()


class Transport:
    """Routes on the raw path, so that an encoded slash is part of an id; refuses overlong targets; logs."""

    def __init__(self, app: ASGIApp, straight: Mapping[str, Endpoint]) -> None:
        """`straight`: GETs that need no router, by their path; of single documents without the id, which is
        what follows the last slash."""
        self._app = app
        self._straight = dict(straight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        scope["path"] = raw.decode("latin-1")
        begin, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if len(raw) + len(scope["query_string"]) > MAX_TARGET_BYTES:
                await answers.refusal(URI_TOO_LONG)(scope, receive, watched)
            else:
                await self._go(scope, receive, watched)
        finally:
            _log.info(
                "http_request",
                method=scope["method"],
                route=scope.get("vita.route", "none"),
                status=status,
                milliseconds=round((time.perf_counter() - begin) * 1000, 2),
            )

    async def _go(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        prefix, _, identity = path.rpartition("/")
        found = self._straight.get(f"{prefix}/") or self._straight.get(path)
        endpoint = found if scope["method"] == "GET" and identity else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {"id": identity}
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)
