"""Results as they are kept for repetitions of a request: without the secrets that are shown once."""

from collections.abc import Iterator
from typing import Any, Final

from starlette.responses import Response

from schemas import exact_json
from schemas.secret_names import hides
from services.management import answers

REPLAYED: Final = "Idempotency-Replayed"
OMITTED: Final = "Vita-Omitted"
_KEPT_HEADERS: Final = ("etag", "vita-position", "location", "cache-control")


def pack(response: Response) -> bytes:
    """A result as it is kept: secrets are left out, and their names are kept beside it."""
    headers = {name: value for name in _KEPT_HEADERS if (value := response.headers.get(name)) is not None}
    body = bytes(response.body).decode()
    if body:
        document = exact_json.loads(body)
        if omitted := sorted(set(_secrets(document))):
            headers[OMITTED] = ", ".join(omitted)
            body = exact_json.dumps(_without(document)).decode()
    return exact_json.dumps({"status": response.status_code, "headers": headers, "body": body})


def unpack(kept: bytes) -> Response:
    """A kept result as the answer to a repetition."""
    found = exact_json.loads(kept)
    headers = {**found["headers"], REPLAYED: "true"}
    if not found["body"]:
        return answers.nothing(found["status"], headers)
    return answers.document(found["body"], found["status"], headers)


def _secrets(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, member in value.items():
                if hides(name, member):
                    yield _printable(name)
                else:
                    yield from _secrets(member)
        case list():
            for member in value:
                yield from _secrets(member)


def _without(value: Any) -> Any:
    match value:
        case dict():
            kept = ((name, member) for name, member in value.items() if not hides(name, member))
            return {name: _without(member) for name, member in kept}
        case list():
            return [_without(member) for member in value]
    return value


def _printable(name: str) -> str:
    """A name that a header may hold."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else "secret"
