"""The ASGI application over a running service."""

from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from services.management import answers, not_built
from services.management.describing import document
from services.management.endpoint import Operation, Public, endpoint_of, mount
from services.management.refusals import NOT_FOUND, Refusal
from services.management.routes import (
    attack_protection,
    avatars,
    client_grants,
    clients,
    connection_users,
    connections,
    effective_access,
    factors,
    grants,
    health,
    identities,
    list_users,
    logs,
    oauth,
    organizations,
    read_users,
    reference,
    resource_servers,
    roles,
    sessions,
    stats,
    tenants,
    user_access,
    user_attribute_profiles,
    user_blocks,
    write_users,
)
from services.management.service import Service
from services.management.transport import Transport
from services.runtime.access_log import AccessLog
from services.runtime.request_context import WithRequestId

OPERATIONS: Final[tuple[Operation, ...]] = (
    *list_users.OPERATIONS,
    *read_users.OPERATIONS,
    *write_users.OPERATIONS,
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
"""Every line of the API that needs a token."""
PUBLIC: Final[tuple[Public, ...]] = (*oauth.PUBLIC, *health.PUBLIC, *avatars.PUBLIC)
"""Every line that needs none."""
STRAIGHT: Final = frozenset(
    (method, f"/api/v2/users{rest}")
    for method, rest in (("GET", ""), ("GET", "/{id}"), ("POST", ""), ("PATCH", "/{id}"))
)
"""The commonest requests: they take no router."""


def create_app(service: Service) -> ASGIApp:
    """Everything the Management API answers."""
    app = FastAPI(redirect_slashes=False, openapi_url=None)
    mount(app, service, OPERATIONS, PUBLIC)
    reference.add(app, document(OPERATIONS, PUBLIC, service.settings.token_issuer))
    app.add_exception_handler(HTTPException, _refuse)
    straight = {
        (operation.method, operation.path.removesuffix("{id}")): endpoint_of(service, operation)
        for operation in OPERATIONS
        if (operation.method, operation.path) in STRAIGHT
    }
    settings = service.settings
    return WithRequestId(Transport(app, straight), AccessLog(settings.log_format), settings.tenant_share)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer a request that no route takes: 501 for an operation that Auth0 has, 405 for a method that the
    path does not have, 404 for an unknown path."""
    path = request.scope["path"]
    if (absent := not_built.refusal_for(request.method, path)) is not None:
        return answers.refusal(absent)
    known = isinstance(error, HTTPException) and error.status_code == 405
    if known or not_built.names_at(path):
        allowed = _allowed(request) | not_built.names_at(path).keys()
        headers = {"Allow": ", ".join(sorted(allowed))}
        return answers.refusal(Refusal(405, "Method Not Allowed", None, headers))
    return answers.refusal(NOT_FOUND)


def _allowed(request: Request) -> set[str]:
    """Return the methods that this path has here; the router knows only those of the first route on it."""
    routes = (route for route in request.app.router.routes if isinstance(route, Route))
    found = [route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for methods in found for method in methods}
