"""Error bodies of the Management API, for tests that compare them word for word."""

from typing import Any

from services.management.http.errors import REASONS


def error_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    body = {"statusCode": status, "error": REASONS[status], "message": message}
    return body if code is None else {**body, "errorCode": code}


def error_answer(status: int, message: str, code: str | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the body."""
    return status, error_body(status, message, code)


def invalid_body(reason: str, path: str = "", about: str = "") -> dict[str, Any]:
    where = f" on property {path}" if path else ""
    what = f" ({about})" if about else ""
    return error_body(400, f"Payload validation error: '{reason}'{where}{what}.", "invalid_body")


UNSUPPORTED = error_body(400, "Connection is not supported for this operation.", "operation_not_supported")
