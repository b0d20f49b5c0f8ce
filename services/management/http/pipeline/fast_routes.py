"""Routes requests by their undecoded path; the most frequent requests bypass the router."""

from collections.abc import Container, Iterable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.management.http import responses
from services.management.http.errors import URI_TOO_LONG

MAX_TARGET_BYTES: Final = 32 * 1024
FastRoutes = Mapping[tuple[str, str], Route]
"""Routes that bypass the router, by method and path. A path that ends with a slash matches paths with one
more segment, an id."""


def fast_routes(routes: Iterable[Route], chosen: Container[tuple[str, str]]) -> FastRoutes:
    """Return the chosen routes. `chosen` has methods and path templates, which may contain a parameter only
    as a final `{id}`."""
    return {
        (method, route.path.removesuffix("{id}")): route
        for route in routes
        for method in route.methods or ()
        if (method, route.path) in chosen
    }


class Transport:
    """Routes on the undecoded path, so that an encoded slash is part of an id. Rejects URLs that are too
    long."""

    def __init__(self, app: Starlette, fast: FastRoutes) -> None:
        self._app, self._fast = app, dict(fast)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        scope["path"] = raw.decode("latin-1")
        if len(raw) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            await responses.error(URI_TOO_LONG)(scope, receive, send)
        elif (route := self._route(scope)) is not None:
            await route.app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _route(self, scope: Scope) -> Route | None:
        """Return the fast route of a request, or None, and complete its scope as the application and its
        router would."""
        method, path = scope["method"], scope["path"]
        family, slash, identity = path.rpartition("/")
        if not identity:
            return None
        parameters = {"id": identity}
        if (route := self._fast.get((method, family + slash))) is None:
            parameters, route = {}, self._fast.get((method, path))
        if route is not None:
            scope["app"], scope["router"], scope["route"] = self._app, self._app.router, route
            scope["endpoint"], scope["path_params"] = route.endpoint, parameters
        return route
