"""Requests that skip the router."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.management.http.pipeline.fast_routes import Transport, fast_routes
from services.management.http.pipeline.router import EndpointApp

CHOSEN = {("GET", "/api/v2/users"), ("GET", "/api/v2/users/{id}")}


async def seen_by_handler(path: str, *, fast: bool) -> dict[str, Any]:
    """The scope of the request that a handler gets, and what the request says of itself."""
    seen: dict[str, Any] = {}

    async def endpoint(request: Request) -> Response:
        seen.update(request.scope)
        seen["of the request"] = (request.app, request.url.path, await request.body())
        return Response()

    app_endpoint = EndpointApp(endpoint)
    routes = [Route(template, app_endpoint, methods=["GET"]) for _, template in sorted(CHOSEN)]
    app = Starlette(routes=routes)
    transport = Transport(app, fast_routes(routes, CHOSEN) if fast else {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(transport), base_url="http://vita") as client:
        await client.get(path)
    assert seen["app"] is app
    return seen


@pytest.mark.parametrize("path", ["/api/v2/users", "/api/v2/users/auth0%7C1%2F2"])
async def test_a_handler_gets_the_same_request_with_and_without_the_router(path: str) -> None:
    """Application, router, route, endpoint and path parameters are there either way."""
    routed, fast = await seen_by_handler(path, fast=False), await seen_by_handler(path, fast=True)
    assert {"app", "router", "route", "endpoint", "path_params"} <= fast.keys()
    assert fast.keys() == routed.keys() - {"starlette.exception_handlers"}
    assert routed["path_params"] == fast["path_params"]
    assert routed["route"].path == fast["route"].path
