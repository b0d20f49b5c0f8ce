"""The declaration of operations: input, result and required scopes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.management.container import Service
from services.management.http.errors import ErrorResponse
from services.management.http.requests import Call
from services.management.limits.rate_limits import Group
from services.runtime.rejection import Rejection

Handler = Callable[[Call], Awaitable[Response]]
PublicHandler = Callable[[Service, Request], Awaitable[Response]]
Outcome = str | Rejection | ErrorResponse
"""The meaning of a documented status, or the error itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation that needs an access token."""

    method: str
    path: str
    """The path template."""
    handler: Handler
    scopes: tuple[str, ...]
    """Each entry is sufficient for access. Scopes separated by spaces within one entry are needed
    together."""
    summary: str
    """The name of the operation in Auth0's reference, which log entries contain."""
    description: str
    """What the operation does, for users of the API."""
    responses: Mapping[int, Outcome]
    """The documented statuses besides those that every operation can return."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    group: Group = "api"
    """The rate limit that counts its requests."""
    tag: str = "users"
    """The group of operations in the OpenAPI document."""
    result: Any = None
    """The type of the body of a successful response, any type that pydantic can describe; None for an empty
    body."""

    @property
    def success(self) -> int:
        """The status of a successful response. A write that is not visible in time returns 202 instead."""
        if 204 in self.responses and self.result is None:
            return 204
        return min(
            (status for status in self.responses if status < 300 and status not in (202, 204)), default=202
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """An operation that needs no access token."""

    method: str
    path: str
    handler: PublicHandler
    summary: str
    description: str
    """What the operation does, for users of the API."""
    responses: Mapping[int, str]
    result: Any
    failure: Any
    """The type of the body of an error."""
    body: type[BaseModel] | None = None
    tag: str = "service"
    media: str = "application/json"
    """The media type of a successful response."""
