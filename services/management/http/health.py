"""GET /healthz: whether this process is ready to serve requests."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import Transient
from services.management.container import Service
from services.management.http import responses
from services.management.http.models.results import Health
from services.management.http.operation import Public

PATIENCE_SECONDS: Final = 2


async def health(service: Service, _request: Request) -> Response:
    """Return 200 if the database and the event log respond and no background loop fails; otherwise 503 with
    the parts that do not work."""
    database, broker = await asyncio.gather(_database(service), _broker(service))
    parts = {"database": database, "event_log": broker}
    shown = {name: "ok" if answers_now else "unreachable" for name, answers_now in parts.items()}
    shown |= dict.fromkeys(service.background.readiness.failing, "failing")
    well = set(shown.values()) == {"ok"}
    return responses.value({"status": "ok" if well else "degraded", "parts": shown}, 200 if well else 503)


async def _database(service: Service) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await service.storage.database.ping()
    except (Transient, TimeoutError):
        return False
    return True


async def _broker(service: Service) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await service.storage.log.end.last(0)
    except (Transient, TimeoutError):
        return False
    return True


PUBLIC: Final = (
    Public(
        method="GET",
        path="/healthz",
        handler=health,
        summary="Whether the service can do its work",
        description=(
            "Returns 200 if the database and the event log respond and no background task fails; otherwise"
            " 503 with the parts that do not work."
        ),
        result=Health,
        failure=Health,
        responses={200: "It can.", 503: "A part does not answer, or background work fails."},
    ),
)
