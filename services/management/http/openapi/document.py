"""The OpenAPI document, generated from the declared operations and the models that validate requests."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from services.commands.context import STALE_REVISION
from services.management.http.errors import (
    REASONS,
    SURROUNDINGS_DOWN,
    TOO_SLOW,
    URI_TOO_LONG,
    WRONG_MEDIA_TYPE,
    ErrorResponse,
    error_response,
    insufficient_scope,
)
from services.management.http.models.results import Accepted, Failure
from services.management.http.openapi.json_schema import example_of, members_of, shapes_of
from services.management.http.operation import Operation, Outcome, Public
from services.runtime.rejection import Rejection, invalid, invalid_body

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_PATH_NAME: Final = re.compile(r"{(\w+)}")
_IN_PATHS: Final[Mapping[str, tuple[str, str]]] = {
    "id": ("The id, percent-encoded.", "auth0|63d17c4a8869daf88ed7db97"),
    "name": ("The name, percent-encoded.", "acme"),
    "initials": ("One or two letters or digits of any script, percent-encoded.", "jd"),
    "ip": ("An IP address, percent-encoded.", "192.0.2.1"),
    "provider": ("The identity's provider.", "google-oauth2"),
    "user_id": ("The user id without the provider prefix.", "117282391823912331"),
}
_IDS: Final[Mapping[str, str]] = {
    "connections": "con_c5zI4XDdzzbD0qav",
    "roles": "rol_c5zI4XDdzzbD0qav",
    "organizations": "org_c5zI4XDdzzbD0qav",
    "resource-servers": "64f0c2a19be3d7001c8f5a21",
    "user-attribute-profiles": "uap_1csDj3szFsgxGS1oTZTdFm",
}
_HEADERS: Final[tuple[tuple[str, str, Callable[[Operation], bool]], ...]] = (
    (
        "If-Match",
        "The revision to change. If the resource has another revision, the response is 412.",
        lambda item: 412 in item.responses,
    ),
    (
        "If-None-Match",
        "The revision that the caller has. If the resource still has it, the response is 304.",
        lambda item: 304 in item.responses,
    ),
    (
        "Idempotency-Key",
        "A request that repeats the key within 24 hours changes nothing and returns the first result.",
        lambda item: item.method == "POST",
    ),
    (
        "Vita-At-Least",
        "The read waits until the views have reached this position.",
        lambda item: item.method == "GET",
    ),
    (
        "X-Correlation-ID",
        "Stored with the events and log entries; at most 64 characters.",
        lambda item: item.method != "GET",
    ),
    (
        "auth0-custom-domain",
        "Ignored. Accepted for compatibility with clients that send it.",
        lambda item: item.method in ("POST", "PATCH") and item.path.count("/") < 5 and item.tag == "users",
    ),
)
_TEXT: Final = {"schema": {"type": "string"}}
_NUMBER: Final = {"schema": {"type": "integer"}}
_ANSWERED: Final[Mapping[str, Mapping[str, Any]]] = {
    "ETag": {"description": "The revision.", **_TEXT},
    "Vita-Position": {"description": "The position of the change on the event log.", **_TEXT},
    "Idempotency-Replayed": {"description": "`true` if the request repeats an Idempotency-Key.", **_TEXT},
    "Retry-After": {"description": "Seconds to wait before the request is repeated.", **_NUMBER},
    "X-Request-Id": {"description": "The id of the request in logs and events (a UUID).", **_TEXT},
    "X-RateLimit-Limit": {"description": "The maximum number of requests.", **_NUMBER},
    "X-RateLimit-Remaining": {"description": "The number of requests left.", **_NUMBER},
    "X-RateLimit-Reset": {"description": "When one more request is allowed, in Unix seconds.", **_NUMBER},
}
_EVERYWHERE: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
    414: "The URL is too long.",
    429: "Too many requests.",
    503: "The service is temporarily unavailable. The outcome of a write may be unknown.",
}
"""Statuses that every operation can return."""
_REPEATABLE: Final[Mapping[int, str]] = {
    409: "The request conflicts with existing data or with a request with this Idempotency-Key.",
    410: "The result of the first request with this Idempotency-Key has been erased.",
    422: "This Idempotency-Key was sent before with another request.",
}
_WITH_A_BODY: Final[Mapping[int, str]] = {
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is neither JSON nor a form.",
}
_ERRORS: Final[Mapping[int, Rejection | ErrorResponse]] = {
    401: ErrorResponse(401, "Invalid token", attributes={"error": "Invalid token"}),
    408: TOO_SLOW,
    412: STALE_REVISION,
    413: Rejection("too_large", "Payload content length greater than maximum allowed: 1048576"),
    414: URI_TOO_LONG,
    415: WRONG_MEDIA_TYPE,
    429: ErrorResponse(429, "Global limit has been reached", "too_many_requests"),
    503: SURROUNDINGS_DOWN,
}
_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of `/oauth/token` or of a trusted issuer.",
}
_ABOUT: Final = """\
A self-hosted user-profile store with an API that is compatible with Auth0's Management API. Every write
appends an event to the event log. Its response contains the position of the event in `Vita-Position` and the
new revision in `ETag`.

Bodies are JSON. Every operation also accepts form-encoded bodies with the same members.

Requests are authorized with an access token from `/oauth/token`. Each operation lists the scopes that grant
access; any one of them is sufficient."""


def document(operations: Sequence[Operation], public: Sequence[Public], address: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these operations. `address` is the URL of the server."""
    every: tuple[Operation | Public, ...] = (*operations, *public)
    requests: dict[Hashable, Any] = {_id(item): item.body for item in every if item.body is not None}
    results: dict[Hashable, Any] = {"accepted": Accepted, "failure": Failure}
    results |= {(_id(item), "result"): item.result for item in every if item.result is not None}
    results |= {(_id(item), "failure"): item.failure for item in public}
    found, shapes = shapes_of(requests, results)
    writer = _Writer(found, shapes)
    paths: dict[str, dict[str, Any]] = {}
    for item in every:
        described = writer.operation(item) if isinstance(item, Operation) else writer.public(item)
        paths.setdefault(item.path, {})[item.method.lower()] = described
    scopes = sorted({scope for item in operations for text in item.scopes for scope in text.split()})
    flow = {"tokenUrl": f"{address.rstrip('/')}/oauth/token", "scopes": {scope: scope for scope in scopes}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vita Management API", "version": "2.0", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(item.tag for item in every)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shapes.items())),
            "headers": {name: dict(header) for name, header in _ANSWERED.items()},
            "securitySchemes": {
                "bearer": _BEARER,
                "oauth2": {
                    "type": "oauth2",
                    "description": "Without selected scopes, the token has all scopes of the client.",
                    "flows": {"clientCredentials": flow},
                },
            },
        },
    }


def responses_of(operation: Operation) -> dict[int, Outcome]:
    """Return every documented status of an operation with its meaning."""
    common = {**_EVERYWHERE, **(_WITH_A_BODY if operation.body is not None else {})}
    repeatable = _REPEATABLE if operation.method == "POST" else {}
    return dict(sorted({**common, **repeatable, **operation.responses}.items()))


def description_of(item: Operation | Public) -> str:
    """Return what the operation does, which scopes it needs and when it returns 202."""
    if isinstance(item, Public):
        return item.description
    return "\n\n".join(filter(None, (item.description, _scopes(item.scopes), _accepted(item))))


def _scopes(scopes: Sequence[str]) -> str:
    """Describe the scopes that grant access; scopes within one text are needed together."""
    alternatives = [" and ".join(f"`{scope}`" for scope in text.split()) for text in scopes]
    many = len(alternatives) > 1
    needed = f"Requires {'any one of' if many else 'the scope'} {', or '.join(alternatives)}."
    if not any(":current_user" in text for text in scopes):
        return needed
    own = "The scopes of the current user cover" if many else "It covers"
    return f"{needed} {own} only the user whom the access token was issued for."


def _accepted(item: Operation) -> str | None:
    if 202 not in item.responses:
        return None
    if item.success == 202:
        return "Returns 202: the change is on the event log and takes effect asynchronously."
    return (
        f"Returns {item.success} once the change is visible to reads, or 202 with its position in"
        " `Vita-Position` if the change is on the event log but not visible within the wait time. A read that"
        " sends this position as `Vita-At-Least` waits until the change is visible."
    )


def _id(item: Operation | Public) -> str:
    """Return a unique id for an operation, such as `get_users_by_id`."""
    parts = [part for part in re.split(r"[/.-]", item.path.removeprefix("/api/v2")) if part]
    named = [f"by_{part[1:-1]}" if part.startswith("{") else part for part in parts]
    return "_".join((item.method.lower(), *named)).replace("-", "_")


class _Writer:
    """Writes OpenAPI operations, with the given schemas of requests and results."""

    def __init__(self, schemas: Mapping[Any, Any], shapes: Mapping[str, Any]) -> None:
        self._schemas, self._shapes = schemas, shapes

    def operation(self, item: Operation) -> dict[str, Any]:
        """Return the description of an operation that needs a token."""
        described = self._head(item)
        described["security"] = [
            {scheme: text.split()} for scheme in ("oauth2", "bearer") for text in item.scopes
        ]
        described["parameters"] = [
            *_path_parameters(item),
            *_query_parameters(item),
            *_header_parameters(item),
        ]
        described["responses"] = {
            str(status): self._answer(item, status, meaning) for status, meaning in responses_of(item).items()
        }
        return described

    def public(self, item: Public) -> dict[str, Any]:
        """Return the description of an operation that needs no token."""
        described = self._head(item)
        described["security"] = []
        if parameters := _path_parameters(item):
            described["parameters"] = parameters
        result, failure = self._schemas.get((_id(item), "result"), {}), self._schemas[_id(item), "failure"]
        described["responses"] = {
            str(status): {
                "description": meaning,
                "content": self._content(failure)
                if status >= 400
                else self._content(result, media=item.media),
            }
            for status, meaning in item.responses.items()
        }
        return described

    def _head(self, item: Operation | Public) -> dict[str, Any]:
        head: dict[str, Any] = {
            "operationId": _id(item),
            "summary": item.summary,
            "description": description_of(item),
            "tags": [item.tag],
        }
        if item.body is not None:
            content = self._content(self._schemas[_id(item)])[JSON]
            media = (JSON,) if isinstance(item, Operation) else (JSON, FORM)
            head["requestBody"] = {"required": True, "content": dict.fromkeys(media, content)}
        return head

    def _content(self, schema: Any, example: Any = None, media: str = JSON) -> dict[str, Any]:
        shown = example_of(schema, self._shapes) if example is None else example
        return {media: {"schema": schema, "example": shown}}

    def _answer(
        self, item: Operation, status: int, meaning: str | Rejection | ErrorResponse
    ) -> dict[str, Any]:
        text = meaning if isinstance(meaning, str) else meaning.message
        described: dict[str, Any] = {"description": text}
        described["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in _header_names(item, status)
        }
        if status in (204, 304):
            return described
        if status >= 400:
            error = _error(item, status, text) if isinstance(meaning, str) else meaning
            example = error_response(error).document()
            described["content"] = self._content(self._schemas["failure"], example)
        elif status == 202 and (item.result is None or not item.responses.keys().isdisjoint({200, 201})):
            described["content"] = self._content(self._schemas["accepted"])
        else:
            described["content"] = self._content(self._schemas.get((_id(item), "result"), {}))
        return described


def _header_names(item: Operation, status: int) -> list[str]:
    names = [name for name in _ANSWERED if name.startswith("X-")]
    names += ["Idempotency-Replayed"] if item.method == "POST" else []
    if status < 400:
        names += ["ETag"] if item.method == "GET" else ["ETag", "Vita-Position"]
    return names + (["Retry-After"] if status in (429, 503) else [])


def _error(item: Operation, status: int, text: str) -> Rejection | ErrorResponse:
    """Return an example error with this status for this operation."""
    if status == 403:
        return insufficient_scope(*item.scopes)
    if status == 400:
        unknown = "Additional properties not allowed: surprise"
        return invalid_body(unknown) if item.body is not None else invalid("Invalid request.")
    return _ERRORS.get(status) or ErrorResponse(status, text or REASONS[status])


def _path_parameters(item: Operation | Public) -> list[dict[str, Any]]:
    family = item.path.removeprefix("/api/v2/").partition("/")[0]
    found = []
    for name in _PATH_NAME.findall(item.path):
        about, example = _IN_PATHS.get(name, ("Its id, percent-encoded.", "example"))
        if name == "id":
            example = _IDS.get(family, example if family == "users" else "example")
        schema = {"type": "string", "minLength": 1}
        found.append(
            {"name": name, "in": "path", "required": True, "description": about, "schema": schema,
             "example": example}
        )  # fmt: skip
    return found


def _query_parameters(item: Operation) -> list[dict[str, Any]]:
    model: type[BaseModel] | None = item.query
    if model is None:
        return []
    members, required = members_of(model)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": part.pop("description", name),
            "schema": part,
        }
        for name, part in members.items()
    ]


def _header_parameters(item: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": about, **_TEXT}
        for name, about, applies in _HEADERS
        if applies(item)
    ]
