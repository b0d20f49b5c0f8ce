"""One installation over the harness's servers: its topics, its database, its services and how to ask them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from services.ingest.errors import SCOPE
from services.management.container import open_service
from tests.faults.harness.fleet import SERVICES, Fleet
from tests.faults.harness.process import SABOTAGE
from tests.faults.harness.servers import Servers
from tests.support.processes import free_port
from tests.worlds.management import settings_for
from tests.worlds.pipeline import Pipeline, make_pipeline

TENANT: Final = "demo"
EMAIL_CONNECTION: Final = "email"
ANSWER_SECONDS: Final = 8.0
"""How long a client waits for an answer before it takes the outcome as unknown."""
FROZEN_SECONDS: Final = 7.5
"""Longer than the session timeout of the workers' consumer groups (6 s)."""
SETTLE_SECONDS: Final = 12
"""Longer than any fault can hold back bytes that a killed process has sent."""
SHORT_WAITS: Final = {
    "management": {
        "VITA_APPEND_WAIT_SECONDS": "3",
        "VITA_VIEW_WAIT_SECONDS": "3",
        "VITA_READ_WAIT_SECONDS": "3",
        "VITA_SEARCH_TIMEOUT_SECONDS": "5",
        "VITA_RESERVATION_SETTLE_SECONDS": str(SETTLE_SECONDS),
        "VITA_RESERVATION_SWEEP_SECONDS": "1",
        "VITA_RATE_LIMITS": "off",
    },
    "ingest": {"VITA_ACK_SECONDS": "2", "VITA_DRAIN_SECONDS": "3"},
    "auditor": {"VITA_CHECKPOINT_SECONDS": "1"},
}
"""So that a request under a fault ends before the client gives up."""
SCOPES: Final = (
    "read:users", "create:users", "update:users", "delete:users", "read:logs", "read:connections",
    "create:connections", SCOPE,
)  # fmt: skip


@dataclass
class Installation:
    """What a run breaks and asks."""

    servers: Servers
    pipeline: Pipeline
    fleet: Fleet
    http: httpx.AsyncClient
    ports: Mapping[str, int]

    def url(self, service: str, path: str) -> str:
        """Where a door listens."""
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """The answer of the Management API; None when there is none."""
        try:
            return await self.http.request(method, self.url("management", path), **request)
        except httpx.TransportError:
            return None

    async def answers(self) -> bool:
        """Whether both doors say that they are well."""
        for service in self.ports:
            try:
                answer = await self.http.get(self.url(service, "/healthz"))
            except httpx.TransportError:
                return False
            if answer.status_code != 200:
                return False
        return True


@asynccontextmanager
async def running_installation(servers: Servers, sabotage: str = "") -> AsyncIterator[Installation]:
    """Topics and a database of its own, and one process of each service, which answer."""
    pipeline = await make_pipeline(servers.stack)
    await servers.stack.rest()
    stack, database, prefix = servers.stack, pipeline.database, pipeline.prefix
    ports = {"ingest": free_port(), "management": free_port()}
    environments = {
        service: {
            **stack.environment(service, database, prefix),
            **SHORT_WAITS.get(service, {}),
            **({"VITA_HTTP_PORT": str(ports[service])} if service in ports else {}),
            SABOTAGE: sabotage,
        }
        for service in SERVICES
    }
    async with open_service(settings_for(stack, database, prefix)) as service:
        issuer, audience = await service.auth.issuers.of(), service.settings.token_audience
        token = issuer.issue("tests", TENANT, SCOPES, audience, datetime.now(UTC))
    folder = stack.folder / prefix.rstrip(".")
    folder.mkdir()
    fleet = Fleet(folder, environments)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    limits = httpx.Limits(max_connections=200)
    try:
        async with httpx.AsyncClient(
            trust_env=False, timeout=ANSWER_SECONDS, headers=headers, limits=limits
        ) as http:
            found = Installation(servers, pipeline, fleet, http, ports)
            await asyncio.gather(*(fleet.add(service) for service in SERVICES))
            fleet.keep()
            await stack.until(found.answers, timeout=60)
            body = {"name": EMAIL_CONNECTION, "strategy": "email"}
            answer = await found.ask("POST", "/api/v2/connections", json=body)
            assert answer is not None
            # a sabotaged projector shows a position before its effect: the creation is repeated and refused
            assert answer.status_code in ((201, 409) if sabotage else (201,)), answer.text
            yield found
    finally:
        await fleet.close()
