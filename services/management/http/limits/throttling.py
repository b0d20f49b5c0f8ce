"""Requests over the rate limit as the logs tell of them: one of many, so that nobody can fill the log, and
without the caller having to wait."""

from datetime import UTC, datetime
from typing import Any, Final

import structlog
from starlette.requests import Request

from schemas.errors import Transient
from schemas.events import ClientThrottled, ClientThrottledData
from schemas.formats.identifiers import new_event_id, tenant_subject
from schemas.formats.instants import truncate
from schemas.sealing.mapper import KeyDestroyed, seal_event
from services.commands.context import Command, to_events
from services.commands.outcome import Draft
from services.commands.writer import NotSent
from services.ledger.keys.subject_keys import ensure_keys
from services.management.container import Service
from services.management.http import authorization
from services.management.http.limits.token_bucket import Verdict
from services.runtime.auth.tokens import Principal
from services.runtime.rejection import Rejected

MAX_TEXT: Final = 1024
_log = structlog.get_logger()


def note(service: Service, principal: Principal, request: Request, group: str, verdict: Verdict) -> None:
    """Has the logs tell of a refused request, unless they told of one like it not long ago."""
    if service.rates.is_news(principal, group):
        now = truncate(datetime.now(UTC))
        command = Command(new_event_id(now), principal.tenant, authorization.actor(principal), now)
        data = ClientThrottledData(group=group, limit=verdict.limit, request=_request_of(request))
        service.background.start(_tell(service, command, data))


def _request_of(request: Request) -> dict[str, Any]:
    return {
        "method": request.method.lower(),
        "path": request.scope["raw_path"].decode("latin-1")[:MAX_TEXT],
        "ip": None if request.client is None else request.client.host,
        "user_agent": request.headers.get("user-agent", "")[:MAX_TEXT],
    }


async def _tell(service: Service, command: Command, data: ClientThrottledData) -> None:
    owner = tenant_subject(command.tenant)
    (event,) = to_events(command, owner, (Draft(ClientThrottled, data),))
    try:
        async with service.database.connection(command.tenant) as connection:
            keys = await ensure_keys(connection, service.keyring, command.tenant, owner)
        await service.writer.append(command.tenant, (event.id,), (seal_event(event, keys),))
    except (Transient, NotSent, KeyDestroyed, Rejected) as error:
        _log.warning("throttling_not_told", error=type(error).__name__)
