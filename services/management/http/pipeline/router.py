"""Routes of the declared operations."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.management.container import Service
from services.management.http.operation import Operation, Public
from services.management.http.pipeline.endpoints import Endpoint, endpoint_of, public_endpoint_of
from services.runtime.http.routes import route


class EndpointApp:
    """An endpoint as an ASGI application, which the router and the fast routes share."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        response = await self._endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def routes(service: Service, operations: Sequence[Operation], public: Sequence[Public]) -> list[Route]:
    """Return the routes of the operations, in matching order."""
    return [
        *(_route(item, endpoint_of(service, item)) for item in operations),
        *(_route(item, public_endpoint_of(service, item)) for item in public),
    ]


def _route(operation: Operation | Public, endpoint: Endpoint) -> Route:
    return route(operation.method, operation.path, EndpointApp(endpoint))
