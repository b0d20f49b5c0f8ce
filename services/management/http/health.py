"""GET /readyz and /healthz: whether this process is ready to serve requests; GET /livez: whether it runs."""

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
    parts = await _parts(service)
    well = set(parts.values()) == {"ok"}
    return responses.value({"status": "ok" if well else "degraded", "parts": parts}, 200 if well else 503)


async def alive(_service: Service, _request: Request) -> Response:
    """200."""
    return responses.value({"status": "ok", "parts": {}}, 200)


async def obstacle(service: Service) -> str | None:
    """Return what does not work; None when everything does."""
    failing = [f"{name} is {state}" for name, state in (await _parts(service)).items() if state != "ok"]
    return ", ".join(failing) or None


async def _parts(service: Service) -> dict[str, str]:
    """The parts that the service needs, each `ok`, `unreachable` or `failing`."""
    database, broker = await asyncio.gather(_database(service), _broker(service))
    parts = {"database": database, "event_log": broker}
    shown = {name: "ok" if answers_now else "unreachable" for name, answers_now in parts.items()}
    return shown | dict.fromkeys(service.background.readiness.failing, "failing")


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


def _readiness(path: str) -> Public:
    return Public(
        method="GET",
        path=path,
        handler=health,
        summary="Whether the service can do its work",
        description=(
            "Returns 200 if the database and the event log respond and no background task fails; otherwise"
            " 503 with the parts that do not work."
        ),
        result=Health,
        failure=Health,
        responses={200: "It can.", 503: "A part does not answer, or background work fails."},
    )


PUBLIC: Final = (
    _readiness("/healthz"),
    _readiness("/readyz"),
    Public(
        method="GET",
        path="/livez",
        handler=alive,
        summary="Whether the service answers",
        description="Returns 200 as long as the process answers requests, also if it cannot do its work.",
        result=Health,
        failure=Health,
        responses={200: "It does."},
    ),
)
