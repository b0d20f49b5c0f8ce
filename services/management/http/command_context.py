"""Creates the context of commands from an HTTP request, and evaluates conditional headers."""

import re
from typing import Any, Final

from starlette.datastructures import Headers

from schemas.formats import exact_json
from schemas.sealing.secret_names import hides
from services.commands.context import (
    CommandContext,
    RequestLog,
    current_time,
)
from services.management.http import authorization
from services.management.http.requests import Call
from services.runtime.fairness.current_request import request_id

MAX_CORRELATION: Final = 64
MAX_LOGGED_BODY_BYTES: Final = 16 * 1024
MAX_MASKED_BODY_BYTES: Final = 64 * 1024
"""A larger body is left out of log entries, because masking its secrets would take up to 10 ms."""
MAX_LOGGED_TEXT: Final = 1024
MAX_LOGGED_SCOPES: Final = 100
MASK: Final = "*****"
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REVISION: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_TAG: Final = re.compile(r'(W/)?"([^"]*)"')


def context_of(call: Call, *, guarded: bool = True) -> CommandContext:
    """Return the context of the commands of a request. `If-Match` is evaluated only if `guarded`."""
    return CommandContext(
        tenant=call.tenant,
        actor=authorization.actor(call.principal),
        expected_revisions=expected_revisions(call.request.headers) if guarded else None,
        request_log=request_log(call),
        pending=call.pending,
        status=call.status,
    )


def request_log(call: Call) -> RequestLog:
    """Return the description of this request for its events."""
    headers = call.request.headers
    correlation = headers.get("x-correlation-id", "")[:MAX_CORRELATION]
    trace = headers.get("traceparent", "")
    return RequestLog(
        request_id(current_time()),
        correlation if _CORRELATION.fullmatch(correlation) else None,
        trace if _TRACE.fullmatch(trace) else None,
        call.operation.summary,
        _request_of(call),
    )


def expected_revisions(headers: Headers) -> frozenset[int] | None:
    """Return the revisions that `If-Match` permits; None if it permits all. Weak tags match no revision."""
    if headers.get("if-match", "*").strip() == "*":
        return None
    tags = [tag for weak, tag in _TAG.findall(headers["if-match"]) if not weak]
    return frozenset(int(tag) for tag in tags if _REVISION.fullmatch(tag))


def _request_of(call: Call) -> dict[str, Any]:
    """Return the description of a request for its log entries, without secrets and without large bodies."""
    request = call.request
    return {
        "method": request.method.lower(),
        "path": request.scope["raw_path"].decode("latin-1")[:MAX_LOGGED_TEXT],
        "query": {_text(name): _text(value) for name, value in request.query_params.items()},
        "body": logged_body(call.sent),
        "scopes": sorted(call.principal.scopes)[:MAX_LOGGED_SCOPES],
        "ip": None if request.client is None else request.client.host,
        "user_agent": _text(request.headers.get("user-agent", "")),
        "status": call.operation.success,
    }


def logged_body(sent: Any) -> Any:
    """Return a body with its secrets masked for log entries, `{}` if it is too large."""
    if sent is None or len(exact_json.dumps(sent)) > MAX_MASKED_BODY_BYTES:
        return {}
    body = masked(sent)
    return {} if len(exact_json.dumps(body)) > MAX_LOGGED_BODY_BYTES else body


def _text(value: str) -> str:
    """Truncate a text and replace U+0000, which events cannot contain."""
    return value[:MAX_LOGGED_TEXT].replace("\x00", "\ufffd")


def masked(value: Any) -> Any:
    """Return a copy in which every secret is `*****`."""
    match value:
        case dict():
            return {name: MASK if hides(name, item) else masked(item) for name, item in value.items()}
        case list():
            return [masked(item) for item in value]
    return value


def has_revision(headers: Headers, current: int) -> bool:
    """Whether `If-None-Match` contains the current revision."""
    known = headers.get("if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or str(current) in {tag for _, tag in _TAG.findall(known)}
