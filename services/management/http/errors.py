"""What the API says no with: one documented shape, and the texts clients compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.formats import exact_json

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
RETRY_AFTER_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error. `message` may quote the caller's own words, so it is never logged."""

    status: int
    message: str = field(repr=False)
    error_code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """`{statusCode, error, message[, attributes][, errorCode]}`."""
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
        """The document as it travels."""
        return exact_json.dumps(self.document())


class Refused(Exception):
    """Carries a refusal to the edge."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.error_code)
        self.refusal = refusal


def bad_request(message: str, error_code: str | None = None) -> Refusal:
    """400."""
    return Refusal(400, message, error_code)


def invalid_body(reason: str, path: str | None = None, description: str | None = None) -> Refusal:
    """400 in the documented form of a body that breaks its schema."""
    return bad_request(violation("Payload", reason, path, description), "invalid_body")


def violation(place: str, reason: str, path: str | None = None, description: str | None = None) -> str:
    """`Payload validation error: '<reason>' on property <path> (<description>).`"""
    where = "" if path is None else f" on property {path}"
    what = "" if path is None or description is None else f" ({description})"
    return f"{place} validation error: '{reason}'{where}{what}."


def insufficient_scope(*expected: str) -> Refusal:
    """403: none of the scopes an operation wants."""
    return Refusal(403, f"Insufficient scope, expected any of: {','.join(expected)}", "insufficient_scope")


def unavailable(message: str, error_code: str | None = None) -> Refusal:
    """503: the same request will do later."""
    return Refusal(503, message, error_code, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def over_share(retry_after_seconds: int) -> Refusal:
    """429: the caller's own requests use its share of what all callers need."""
    wait = {"Retry-After": str(retry_after_seconds)}
    return Refusal(429, "Too many requests of this tenant are under way", "too_many_requests", wait)


NOT_FOUND: Final = Refusal(404, "Not Found")
NO_SUCH_USER: Final = Refusal(404, "The user does not exist.", "inexistent_user")
NO_SUCH_CONNECTION: Final = Refusal(404, "The connection does not exist", "inexistent_connection")
USER_EXISTS: Final = Refusal(409, "The user already exists.", "auth0_idp_error")
CONNECTION_EXISTS: Final = Refusal(409, "A connection with the same name already exists")
OTHER_SUBJECT: Final = Refusal(403, "User to be acted on does not match subject in bearer token.")
CONNECTION_BUSY: Final = Refusal(409, "The connection is being changed by others. Please try again.")
REVISION_PASSED: Final = Refusal(
    412, "The resource has changed since the revision named in If-Match.", "precondition_failed"
)
SURROUNDINGS_DOWN: Final = unavailable("A part this service depends on does not answer. Please try again.")
OUTCOME_UNKNOWN: Final = unavailable(
    "The event log did not confirm the change in time: it may still be made. Read before you repeat it.",
    "outcome_unknown",
)
VIEW_LAGS: Final = unavailable("The views have not reached the position of Vita-At-Least.", "view_lagging")
INTERNAL: Final = Refusal(500, "An internal error occurred.", "internal_error")
TOO_LARGE: Final = Refusal(413, "The change is larger than an event may be.")
TOO_SLOW: Final = Refusal(408, "The body did not arrive in time.")
URI_TOO_LONG: Final = Refusal(414, "Request-URI Too Large")
WRONG_MEDIA_TYPE: Final = Refusal(415, "Unsupported Media Type")
INVALID_JSON: Final = bad_request("Invalid request payload JSON format", "invalid_body")
