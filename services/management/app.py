"""The ASGI application over a running service."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from schemas.errors import Transient
from services.management import answers
from services.management.describing import describe, describe_public, tidy
from services.management.endpoint import DirectRoute, Operation, endpoint_of, log_unexpected, mount
from services.management.refusals import INTERNAL, NOT_FOUND, SURROUNDINGS_DOWN, Refusal
from services.management.routes import connections, health, oauth, read_users, write_users
from services.management.service import Service
from services.management.transport import Transport

Public = Callable[[Service, Request], Awaitable[Response]]
_PUBLIC: Final[tuple[tuple[str, str, Public, str], ...]] = (
    ("POST", "/oauth/token", oauth.token, "Get an access token"),
    ("GET", "/.well-known/jwks.json", oauth.key_set, "Keys that verify access tokens"),
    ("GET", "/.well-known/openid-configuration", oauth.configuration, "Where the issuer's parts are"),
    ("GET", "/healthz", health.health, "Whether the service can do its work"),
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *read_users.OPERATIONS,
    *write_users.OPERATIONS,
    *connections.OPERATIONS,
)
"""Every line of the API that needs a token."""


def create_app(service: Service) -> ASGIApp:
    """Everything the Management API answers."""
    app = FastAPI(
        title="Vita Management API",
        version="2.0",
        description="Every write is an event first; `Vita-Position` says where it stands.",
        redirect_slashes=False,
        redoc_url=None,
    )
    for method, path, handler, summary in _PUBLIC:
        app.router.add_api_route(
            path,
            _public(service, path, handler),
            methods=[method],
            route_class_override=DirectRoute,
            **describe_public(method, path, summary),
        )
    mount(app, service, OPERATIONS, describe)
    app.add_exception_handler(HTTPException, _refuse)
    tidy(app)
    return Transport(app, {"/api/v2/users": endpoint_of(service, read_users.GET_USER)})


def _public(service: Service, path: str, handler: Public) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request.scope["vita.route"] = path
        try:
            return await handler(service, request)
        except Transient:
            return answers.refusal(SURROUNDINGS_DOWN)
        except Exception as error:  # the edge: whatever it is, the caller gets a documented answer
            log_unexpected(path, error)
            return answers.refusal(INTERNAL)

    return endpoint


async def _refuse(request: Request, error: Exception) -> Response:
    """What the router says no to: unknown paths and methods."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return answers.refusal(Refusal(405, "Method Not Allowed", None, {"Allow": _allowed(request)}))
    return answers.refusal(NOT_FOUND)


def _allowed(request: Request) -> str:
    """The methods that this path has; the router knows only those of the first route on it."""
    routes = (route for route in request.app.router.routes if isinstance(route, Route))
    found = [route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted(method for methods in found for method in methods))
