"""Bodies of refusals, for tests that compare them word for word."""

from typing import Any

from services.management.http.errors import REASONS


def refusal(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    body = {"statusCode": status, "error": REASONS[status], "message": message}
    return body if code is None else {**body, "errorCode": code}


def invalid(reason: str, path: str = "", about: str = "") -> dict[str, Any]:
    where = f" on property {path}" if path else ""
    what = f" ({about})" if about else ""
    return refusal(400, f"Payload validation error: '{reason}'{where}{what}.", "invalid_body")


UNSUPPORTED = refusal(400, "Connection is not supported for this operation.", "operation_not_supported")
