"""Errors of ingest, in the error shape that every HTTP interface of Vita has."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from schemas.formats import exact_json

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_EVENTS: Final = 1000
MAX_VALUES: Final = 250_000
"""The maximum number of JSON values in a body; a single event has a lower limit."""
SCOPE: Final = "publish:logins"
RETRY_AFTER_SECONDS: Final = 1
_TITLES: Final = {413: "Request Entity Too Large"}


class RejectedRequest(Exception):
    """Rejects the whole request with an HTTP status. `message` may quote input of the caller, so it is never
    logged."""

    def __init__(self, status: int, message: str, error_code: str | None = None) -> None:
        super().__init__(status, error_code)
        self.status, self.message, self.error_code = status, message, error_code


def error_body(status: int, message: str, error_code: str | None = None, **more: Any) -> bytes:
    """Return `{"statusCode", "error", "message"[, "errorCode"]}` with the members of `more`."""
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    document: dict[str, Any] = {"statusCode": status, "error": title, "message": message}
    if error_code is not None:
        document["errorCode"] = error_code
    return exact_json.dumps(document | more)


def headers_of(status: int) -> Mapping[str, str]:
    """Return the headers of an error: `Retry-After` for 429 and 503, `WWW-Authenticate` for 401."""
    if status in (429, 503):
        return {"retry-after": str(RETRY_AFTER_SECONDS)}
    return {"www-authenticate": "Bearer"} if status == 401 else {}


def invalid_body(reason: str) -> RejectedRequest:
    """400: the body cannot be read, for this reason."""
    return invalid_items(f"'{reason}'")


def invalid_items(sentences: str) -> RejectedRequest:
    """400: members of the body break rules; `sentences` are those of `schemas.formats.violations`."""
    return RejectedRequest(400, f"Payload validation error: {sentences}.", "invalid_body")


def body_incomplete() -> RejectedRequest:
    """400: the connection closed, or its framing broke, before the whole body arrived."""
    return RejectedRequest(400, "The body broke off.")


def too_many_bytes() -> RejectedRequest:
    """413: the body has more than MAX_BYTES bytes."""
    return RejectedRequest(413, f"Payload content length greater than maximum allowed: {MAX_BYTES}.")


def too_many_values() -> RejectedRequest:
    """413: the body has more than MAX_VALUES values."""
    return RejectedRequest(413, f"Payload holds more JSON values than maximum allowed: {MAX_VALUES}.")


def too_many_events() -> RejectedRequest:
    """413: the body has more than MAX_EVENTS events."""
    return RejectedRequest(413, f"Payload holds more events than maximum allowed: {MAX_EVENTS}.")


def unsupported(what: str, supported: Sequence[str]) -> RejectedRequest:
    """415: `what` has a value that the endpoint does not support; it supports the values in `supported`."""
    return RejectedRequest(415, f"{what} is not supported. Send one of: {', '.join(supported)}.")


def insufficient_scope(*expected: str) -> RejectedRequest:
    """403: the token has none of the scopes of which the endpoint needs one."""
    text = f"Insufficient scope, expected any of: {','.join(expected)}"
    return RejectedRequest(403, text, "insufficient_scope")


def unavailable(what: str) -> RejectedRequest:
    """503: `what` does not answer, and no event was accepted."""
    return RejectedRequest(503, f"{what} does not answer. Nothing was accepted, please send it again.")


def undecided() -> RejectedRequest:
    """503: the database does not answer, so no login check was decided."""
    return RejectedRequest(503, "The database does not answer. Nothing was decided.", "undecided")


def body_too_slow() -> RejectedRequest:
    """408: the body did not arrive in time."""
    return RejectedRequest(408, "The body did not arrive in time.")


def overloaded() -> RejectedRequest:
    """429: the tenant or the client uses its share."""
    return RejectedRequest(429, "Global limit has been reached", "too_many_requests")


JSON: Final = "application/json"
MEDIA_TYPES: Final = (
    JSON,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
    "application/ndjson",
)
