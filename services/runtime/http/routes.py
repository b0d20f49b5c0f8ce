"""Routes of one method."""

from collections.abc import Callable
from typing import Any

from starlette.routing import Route


def route(method: str, path: str, endpoint: Callable[..., Any]) -> Route:
    """Return a route that answers one method only: Starlette's answer HEAD wherever they answer GET."""
    only = Route(path, endpoint)
    only.methods = {method}
    return only
