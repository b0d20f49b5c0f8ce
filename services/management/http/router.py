"""Routes of the declared operations."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from services.management.container import Service
from services.management.http.operation import Operation, Public
from services.management.http.pipeline import Endpoint, endpoint_of, public_endpoint_of


class DirectRoute(APIRoute):
    """Hands a request to its endpoint without FastAPI's own checks."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return self.endpoint


def mount(app: FastAPI, service: Service, operations: Sequence[Operation], public: Sequence[Public]) -> None:
    """Add the routes of the operations to the application."""
    app.state.operations = tuple(operations)
    for operation in operations:
        _add(app, operation, endpoint_of(service, operation))
    for open_operation in public:
        _add(app, open_operation, public_endpoint_of(service, open_operation))


def _add(app: FastAPI, operation: Operation | Public, endpoint: Endpoint) -> None:
    app.router.add_api_route(
        operation.path,
        endpoint,
        methods=[operation.method],
        route_class_override=DirectRoute,
        include_in_schema=False,
    )
