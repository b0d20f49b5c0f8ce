"""What ingest says no with, in the error shape every HTTP surface of Vita has."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from schemas.formats import exact_json

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_EVENTS: Final = 1000
MAX_VALUES: Final = 250_000
"""JSON values of a whole body; of one event fewer are allowed."""
SCOPE: Final = "publish:logins"
RETRY_AFTER_SECONDS: Final = 1
_TITLES: Final = {413: "Request Entity Too Large"}


class RefusedError(Exception):
    """The whole request is refused. `message` may quote the caller, so it is never logged."""

    def __init__(self, status: int, message: str, error_code: str | None = None) -> None:
        super().__init__(status, error_code)
        self.status, self.message, self.error_code = status, message, error_code


def error_body(status: int, message: str, error_code: str | None = None, **more: Any) -> bytes:
    """`{"statusCode", "error", "message"[, "errorCode"]}` and what else is to be said."""
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    document: dict[str, Any] = {"statusCode": status, "error": title, "message": message}
    if error_code is not None:
        document["errorCode"] = error_code
    return exact_json.dumps(document | more)


def headers_of(status: int) -> Mapping[str, str]:
    """`Retry-After` for what will do later, and how to authenticate for who did not."""
    if status in (429, 503):
        return {"retry-after": str(RETRY_AFTER_SECONDS)}
    return {"www-authenticate": "Bearer"} if status == 401 else {}


def invalid_body(reason: str) -> RefusedError:
    """400: nothing in the body can be read."""
    return invalid_items(f"'{reason}'")


def invalid_items(sentences: str) -> RefusedError:
    """400: members of the body break rules; `sentences` are those of `schemas.formats.violations`."""
    return RefusedError(400, f"Payload validation error: {sentences}.", "invalid_body")


def broken_off() -> RefusedError:
    """400: the caller went away, or what is left of the body cannot be told from the connection's noise."""
    return RefusedError(400, "The body broke off.")


def too_many_bytes() -> RefusedError:
    """413."""
    return RefusedError(413, f"Payload content length greater than maximum allowed: {MAX_BYTES}.")


def too_many_values() -> RefusedError:
    """413."""
    return RefusedError(413, f"Payload holds more JSON values than maximum allowed: {MAX_VALUES}.")


def too_many_events() -> RefusedError:
    """413."""
    return RefusedError(413, f"Payload holds more events than maximum allowed: {MAX_EVENTS}.")


def unsupported(what: str, supported: Sequence[str]) -> RefusedError:
    """415; `supported` are the values that the endpoint takes instead."""
    return RefusedError(415, f"{what} is not supported. Send one of: {', '.join(supported)}.")


def insufficient_scope(*expected: str) -> RefusedError:
    """403: none of the scopes an endpoint wants."""
    text = f"Insufficient scope, expected any of: {','.join(expected)}"
    return RefusedError(403, text, "insufficient_scope")


def unavailable(what: str) -> RefusedError:
    """503: nothing was accepted."""
    return RefusedError(503, f"{what} does not answer. Nothing was accepted, please send it again.")


def cannot_tell() -> RefusedError:
    """503: whether somebody may be let in is not known."""
    return RefusedError(503, "The database does not answer. Nothing was decided.", "undecided")


def too_slow() -> RefusedError:
    """408."""
    return RefusedError(408, "The body did not arrive in time.")


def overloaded() -> RefusedError:
    """429."""
    return RefusedError(429, "Global limit has been reached", "too_many_requests")


JSON: Final = "application/json"
MEDIA_TYPES: Final = (
    JSON,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
    "application/ndjson",
)
