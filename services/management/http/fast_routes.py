"""Around every request: paths stay as they were sent, and the commonest requests take no router."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.management.http import responses
from services.management.http.errors import URI_TOO_LONG
from services.management.http.pipeline import Endpoint

MAX_TARGET_BYTES: Final = 32 * 1024
Straight = Mapping[tuple[str, str], Endpoint]
"""Endpoints that need no router, by method and path; a path that ends in a slash stands for those with an id
behind it."""


class Transport:
    """Routes on the raw path, so that an encoded slash is part of an id; refuses overlong targets."""

    def __init__(self, app: ASGIApp, straight: Straight) -> None:
        self._app, self._straight = app, dict(straight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        scope["path"] = raw.decode("latin-1")
        if len(raw) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            await responses.error(URI_TOO_LONG)(scope, receive, send)
        elif (endpoint := self._straight_to(scope)) is not None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _straight_to(self, scope: Scope) -> Endpoint | None:
        method, path = scope["method"], scope["path"]
        family, slash, identity = path.rpartition("/")
        if not identity:
            return None
        found = self._straight.get((method, family + slash))
        scope["path_params"] = {} if found is None else {"id": identity}
        return found or self._straight.get((method, path))
