"""The ASGI application over a running service."""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from services.management import not_built
from services.management.attack_protection import routes as attack_protection
from services.management.attack_protection import user_blocks
from services.management.avatars import routes as avatars
from services.management.clients import client_grants
from services.management.clients import routes as clients
from services.management.connections import connection_users
from services.management.connections import routes as connections
from services.management.container import Service
from services.management.factors import routes as factors
from services.management.http import health, responses
from services.management.http.errors import ErrorResponse
from services.management.http.openapi.document import document
from services.management.http.openapi.reference import reference_routes
from services.management.http.operation import Operation, Public
from services.management.http.pipeline.fast_routes import Transport, fast_routes
from services.management.http.pipeline.router import routes
from services.management.logs import routes as logs
from services.management.logs import stats
from services.management.oauth import routes as oauth
from services.management.organizations import routes as organizations
from services.management.resource_servers import routes as resource_servers
from services.management.roles import routes as roles
from services.management.sessions import grants
from services.management.sessions import routes as sessions
from services.management.tenants import routes as tenants
from services.management.user_attribute_profiles import routes as user_attribute_profiles
from services.management.users import (
    effective_access,
    identities,
    list_users,
    read_users,
    time_travel,
    user_access,
    user_history,
    write_users,
)
from services.runtime.http.access_log import AccessLog
from services.runtime.http.request_id import WithRequestId
from services.runtime.rejection import NOT_FOUND

OPERATIONS: Final[tuple[Operation, ...]] = (
    *list_users.OPERATIONS,
    *read_users.OPERATIONS,
    *write_users.OPERATIONS,
    *time_travel.OPERATIONS,
    *user_history.OPERATIONS,
    *connections.OPERATIONS,
    *user_blocks.OPERATIONS,
    *attack_protection.OPERATIONS,
    *clients.OPERATIONS,
    *client_grants.OPERATIONS,
    *logs.OPERATIONS,
    *stats.OPERATIONS,
    *tenants.OPERATIONS,
    *roles.OPERATIONS,
    *user_access.OPERATIONS,
    *effective_access.OPERATIONS,
    *resource_servers.OPERATIONS,
    *organizations.OPERATIONS,
    *user_attribute_profiles.OPERATIONS,
    *identities.OPERATIONS,
    *connection_users.OPERATIONS,
    *sessions.OPERATIONS,
    *grants.OPERATIONS,
    *factors.OPERATIONS,
)
"""All operations that need an access token."""
PUBLIC: Final[tuple[Public, ...]] = (*oauth.PUBLIC, *health.PUBLIC, *avatars.PUBLIC)
"""All operations that need no access token."""
FAST: Final = frozenset(
    (method, f"/api/v2/users{rest}")
    for method, rest in (("GET", ""), ("GET", "/{id}"), ("POST", ""), ("PATCH", "/{id}"))
)
"""The most frequent requests, which bypass the router."""


def create_app(service: Service) -> ASGIApp:
    """Return the application that answers every request of the Management API."""
    settings = service.settings
    operations = routes(service, OPERATIONS, PUBLIC)
    described = reference_routes(document(OPERATIONS, PUBLIC, settings.token_issuer))
    app = Starlette(routes=[*operations, *described], exception_handlers={HTTPException: _reject})
    app.router.redirect_slashes = False
    app.state.operations = OPERATIONS
    transport = Transport(app, fast_routes(operations, FAST))
    return WithRequestId(transport, AccessLog(settings.log_format), settings.tenant_share)


async def _reject(request: Request, error: Exception) -> Response:
    """Return the response for a request without a route: 501 for an operation that only Auth0 has, 405 for a
    method that the path does not support, 404 for an unknown path."""
    path = request.scope["path"]
    if (absent := not_built.refusal_for(request.method, path)) is not None:
        return responses.error(absent)
    known = isinstance(error, HTTPException) and error.status_code == 405
    if known or not_built.names_at(path):
        allowed = _allowed(request) | not_built.names_at(path).keys()
        headers = {"Allow": ", ".join(sorted(allowed))}
        return responses.error(ErrorResponse(405, "Method Not Allowed", None, headers))
    return responses.error(NOT_FOUND)


def _allowed(request: Request) -> set[str]:
    """Return all methods that the path supports; the router knows only those of the first matching route."""
    found = [
        route.methods or ()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return {method for methods in found for method in methods}
