"""Responses from serialized bytes."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.formats import exact_json
from schemas.formats.positions import Position
from services.commands.writer import Written
from services.management.http.errors import ErrorResponse, error_response
from services.runtime.rejection import Rejection

JSON: Final = "application/json; charset=utf-8"
ETAG: Final = "ETag"
POSITION: Final = "Vita-Position"
_TYPE: Final = (b"content-type", JSON.encode())


class Ready(Response):
    """A response with serialized JSON. It costs less than the framework's response classes."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str] | None) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _TYPE]
        if headers:
            self.raw_headers += [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def document(body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a stored document, unchanged."""
    return Ready(body.encode() if isinstance(body, str) else body, status, headers)


def value(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value that JSON can represent."""
    return Ready(exact_json.dumps(body), status, headers)


def error(found: Rejection | ErrorResponse) -> Response:
    """Return an error in the documented shape."""
    answer = error_response(found)
    return Response(answer.body(), answer.status, answer.headers, JSON)


def accepted(position: Position, more: Mapping[str, object] | None = None) -> Response:
    """Return 202: the events are on the log at this position, and the views do not show them yet."""
    body = {"status": "accepted", "position": str(position), **(more or {})}
    return value(body, 202, {POSITION: str(position)})


def after_write(
    written: Written | None, response: Response, more: Mapping[str, object] | None = None
) -> Response:
    """Return `response` with the position of the written event, if any. If the view does not show it yet,
    return 202 with `more` in its body."""
    if written is None:
        return response
    if not written.visible:
        return accepted(written.position, more)
    response.headers[POSITION] = str(written.position)
    return response


def nothing(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """Return an empty body. It has a content type because existing clients of this API expect one."""
    return Response(None, status, headers, JSON)


def etag(revision: int) -> str:
    """Return the strong entity tag of a revision."""
    return f'"{revision}"'


def revision_headers(revision: int, position: Position | None = None) -> dict[str, str]:
    """Return `ETag`, and `Vita-Position` if an event was written."""
    headers = {ETAG: etag(revision)}
    if position is not None:
        headers[POSITION] = str(position)
    return headers
