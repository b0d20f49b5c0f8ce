"""Every operation that is mounted, and ways to ask it."""

from typing import Any, Final

import httpx

from services.management.app import OPERATIONS
from services.management.http.operation import Operation

NOBODY: Final = "auth0%7Cnobody"
WITH_BODY: Final = tuple(operation for operation in OPERATIONS if operation.body is not None)
WITH_PARAMETER: Final = tuple(operation for operation in OPERATIONS if "{" in operation.path)
WITH_QUERY: Final = tuple(operation for operation in OPERATIONS if operation.query is not None)
EVERY_SCOPE: Final = tuple(
    sorted({scope for operation in OPERATIONS for text in operation.scopes for scope in text.split()})
)


def title(operation: Operation) -> str:
    """What a test of it is called."""
    return f"{operation.method} {operation.path}"


def path_of(operation: Operation, value: str = NOBODY) -> str:
    """Its path with this in the place of every parameter."""
    parts = operation.path.split("/")
    return "/".join(value if part.startswith("{") else part for part in parts)


def reaches(operation: Operation, path: str) -> bool:
    """Whether a path belongs to the operation; `templates` is also matched as an id."""
    wanted, found = operation.path.split("/"), path.split("/")
    return len(wanted) == len(found) and all(
        one == other or one.startswith("{") for one, other in zip(wanted, found, strict=True)
    )


async def ask(
    api: httpx.AsyncClient, operation: Operation, value: str = NOBODY, **sent: Any
) -> httpx.Response:
    """Send a request to the operation about a user who does not exist."""
    return await api.request(operation.method, path_of(operation, value), **sent)


def is_an_error(answer: httpx.Response, *statuses: int) -> bool:
    """Whether this is one of the errors in the documented shape."""
    if answer.status_code not in statuses or "json" not in answer.headers.get("content-type", ""):
        return False
    body = answer.json()
    return bool(
        body["statusCode"] == answer.status_code
        and isinstance(body["message"], str)
        and isinstance(body["error"], str)
        and set(body) <= {"statusCode", "error", "message", "errorCode", "attributes"}
    )
