"""Responses to requests over the rate limit, and their log entries. One entry represents many requests, so
that a client cannot fill the log. The response does not wait for the entry."""

from math import ceil
from typing import Any, Final

import structlog
from starlette.requests import Request

from schemas.errors import Transient
from schemas.events import ClientThrottledData
from services.commands.context import CommandContext
from services.management.container import Service
from services.management.http import authorization
from services.management.http.errors import ErrorResponse
from services.management.limits.token_bucket import RateLimitResult
from services.runtime.auth.tokens import Principal
from services.runtime.rejection import Rejected

MAX_TEXT: Final = 1024
_log = structlog.get_logger()


def rate_headers(result: RateLimitResult) -> dict[str, str]:
    """Return the headers that describe the caller's remaining limit."""
    return {
        "X-RateLimit-Limit": str(result.limit),
        "X-RateLimit-Remaining": str(result.remaining),
        "X-RateLimit-Reset": str(result.reset),
    }


def too_many(result: RateLimitResult) -> ErrorResponse:
    """Return the error 429 with the time after which the caller may repeat the request."""
    wait = {"Retry-After": str(max(1, ceil(result.wait_seconds)))}
    return ErrorResponse(429, "Global limit has been reached", "too_many_requests", wait)


def note(
    service: Service, principal: Principal, request: Request, group: str, result: RateLimitResult
) -> None:
    """Record a request over the limit in the logs, unless a similar request was recorded within
    NEWS_SECONDS."""
    if service.limits.rates.is_news(principal, group):
        context = CommandContext(tenant=principal.tenant, actor=authorization.actor(principal))
        data = ClientThrottledData(group=group, limit=result.limit, request=_request_of(request))
        service.background.tasks.start(_record(service, context, data))


def _request_of(request: Request) -> dict[str, Any]:
    return {
        "method": request.method.lower(),
        "path": request.scope["raw_path"].decode("latin-1")[:MAX_TEXT],
        "ip": None if request.client is None else request.client.host,
        "user_agent": request.headers.get("user-agent", "")[:MAX_TEXT],
    }


async def _record(service: Service, context: CommandContext, data: ClientThrottledData) -> None:
    try:
        await service.commands.protection.record_throttling(context, data)
    except (Transient, Rejected) as error:
        _log.warning("throttling_not_recorded", error=type(error).__name__)
