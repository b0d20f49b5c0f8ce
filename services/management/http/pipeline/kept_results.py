"""Serialization of results that are stored for repeated requests, without secrets that are shown only
once."""

from typing import Any, Final

from starlette.responses import Response

from schemas.formats import exact_json
from schemas.sealing.secret_names import is_secret
from services.management.http import responses

REPLAYED: Final = "Idempotency-Replayed"
OMITTED: Final = "Vita-Omitted"
_KEPT_HEADERS: Final = ("etag", "vita-position", "location", "cache-control")
_GONE: Final = object()


def pack(response: Response) -> bytes:
    """Serialize a result. Secrets are omitted, and their names are stored with it."""
    headers = {name: value for name in _KEPT_HEADERS if (value := response.headers.get(name)) is not None}
    body = bytes(response.body).decode()
    if body:
        omitted: set[str] = set()
        kept = _without(exact_json.loads(body), None, omitted)
        if omitted:
            headers[OMITTED] = ", ".join(sorted(omitted))
            body = exact_json.dumps(kept).decode()
    return exact_json.dumps({"status": response.status_code, "headers": headers, "body": body})


def unpack(kept: bytes) -> Response:
    """Return the response to a repeated request from a stored result."""
    found = exact_json.loads(kept)
    headers = {**found["headers"], REPLAYED: "true"}
    if not found["body"]:
        return responses.nothing(found["status"], headers)
    return responses.document(found["body"], found["status"], headers)


def _without(value: Any, secret: str | None, omitted: set[str]) -> Any:
    """Return a copy without secrets and add their names to `omitted`. Within the member `secret`, every value
    except booleans and null is a secret."""
    match value:
        case dict():
            members = (
                (name, _without(member, secret or (name if is_secret(name) else None), omitted))
                for name, member in value.items()
            )
            return {name: member for name, member in members if member is not _GONE}
        case list():
            items = (_without(item, secret, omitted) for item in value)
            return [item for item in items if item is not _GONE]
    if secret is None or value is None or isinstance(value, bool):
        return value
    omitted.add(_printable(secret))
    return _GONE


def _printable(name: str) -> str:
    """Return a form of the name that a header can contain."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else "secret"
