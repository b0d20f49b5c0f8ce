"""Responses from prepared bytes."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from schemas import exact_json
from schemas.positions import Position
from services.management.refusals import Refusal

JSON: Final = "application/json; charset=utf-8"
ETAG: Final = "ETag"
POSITION: Final = "Vita-Position"


def document(body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A stored document as it lies in the view."""
    return Response(body, status, headers, JSON)


def value(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Anything JSON can hold."""
    return Response(exact_json.dumps(body), status, headers, JSON)


def refusal(refused: Refusal) -> Response:
    """An error in the documented shape."""
    return Response(refused.body(), refused.status, refused.headers, JSON)


def nothing(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """An empty body; typed all the same, as clients of this API know it."""
    return Response(None, status, headers, JSON)


def etag(revision: int) -> str:
    """The strong validator of a revision."""
    return f'"{revision}"'


def revision_headers(revision: int, position: Position | None = None) -> dict[str, str]:
    """`ETag`, and `Vita-Position` when something was written."""
    headers = {ETAG: etag(revision)}
    if position is not None:
        headers[POSITION] = str(position)
    return headers
