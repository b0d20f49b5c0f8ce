"""Errors as HTTP responses: the documented body, and the status for each kind of rejection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.formats import exact_json
from services.runtime.rejection import Kind, Rejection, unavailable

REASONS: Final[Mapping[int, str]] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
STATUSES: Final[Mapping[Kind, int]] = {
    "invalid": 400,
    "forbidden": 403,
    "not_found": 404,
    "gone": 410,
    "conflict": 409,
    "stale_revision": 412,
    "too_large": 413,
    "unavailable": 503,
}
RETRY_AFTER_SECONDS: Final = 2
"""The `Retry-After` of requests that are rejected as `unavailable`."""


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error response. `message` may quote input of the caller, so it is never logged."""

    status: int
    message: str = field(repr=False)
    error_code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """Return `{statusCode, error, message[, attributes][, errorCode]}`."""
        document: dict[str, Any] = {
            "statusCode": self.status,
            "error": REASONS.get(self.status, "Error"),
            "message": self.message,
        }
        if self.attributes is not None:
            document["attributes"] = dict(self.attributes)
        if self.error_code is not None:
            document["errorCode"] = self.error_code
        return document

    def body(self) -> bytes:
        """Return the document as JSON bytes."""
        return exact_json.dumps(self.document())


class HttpError(Exception):
    """Carries an error response that is not a rejection to the HTTP layer."""

    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.status, response.error_code)
        self.response = response


def error_response(error: Rejection | ErrorResponse) -> ErrorResponse:
    """Return the response for a rejection; an error response is returned unchanged."""
    if isinstance(error, ErrorResponse):
        return error
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.kind == "unavailable" else {}
    return ErrorResponse(STATUSES[error.kind], error.message, error.code, headers)


def insufficient_scope(*expected: str) -> Rejection:
    """Return the rejection of a caller who has none of the scopes that an operation needs."""
    message = f"Insufficient scope, expected any of: {','.join(expected)}"
    return Rejection("forbidden", message, "insufficient_scope")


def over_share(retry_after_seconds: int) -> ErrorResponse:
    """Return 429: the caller's own requests use its whole share of a common resource."""
    wait = {"Retry-After": str(retry_after_seconds)}
    return ErrorResponse(429, "Too many requests of this tenant are in progress", "too_many_requests", wait)


OTHER_SUBJECT: Final = Rejection("forbidden", "User to be acted on does not match subject in bearer token.")
SURROUNDINGS_DOWN: Final = unavailable(
    "A system that this service depends on does not respond. Please try again."
)
VIEW_LAGS: Final = unavailable("The views have not reached the position of Vita-At-Least.", "view_lagging")
INTERNAL: Final = ErrorResponse(500, "An internal error occurred.", "internal_error")
TOO_SLOW: Final = ErrorResponse(408, "The body did not arrive in time.")
URI_TOO_LONG: Final = ErrorResponse(414, "Request-URI Too Large")
WRONG_MEDIA_TYPE: Final = ErrorResponse(415, "Unsupported Media Type")
INVALID_JSON: Final = Rejection("invalid", "Invalid request payload JSON format", "invalid_body")
