"""A login gateway, which reports logins and checks attempts, and an administrator who reads and removes
blocks.

Runs the Management API and ingest in the process of the test and a projector in a separate process (see
`tests.worlds.management`). The normalizer handles the reported logins in the process of the test, on request.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from schemas.formats import exact_json
from schemas.topics import Topic, catalogue
from services.ingest.app import build
from services.ingest.login_checks import CHECK_SCOPE
from services.ingest.settings import Settings
from tests.support.patience import A_WHILE
from tests.support.stack import Stack
from tests.worlds.management import DATABASE_CONNECTION, Site, new_user, path_of, running_site
from tests.worlds.pipeline import Pipeline

CHECKS = "/ingest/v1/login-checks"
IP, OTHER_IP = "203.0.113.7", "198.51.100.23"
ALLOW = {"decision": "allow"}
BLOCKED = {"decision": "deny", "reason": "unauthorized", "description": "user is blocked"}
FORCED = {
    "decision": "deny",
    "reason": "too_many_attempts",
    "description": "Your account has been blocked after multiple consecutive login attempts.",
}
SUSPICIOUS = {
    "decision": "deny",
    "reason": "suspicious_ip",
    "description": "Too many failed logins came from this IP address. Further attempts are blocked for now.",
}


@dataclass
class Gateway:
    """One installation, seen by a gateway (`ingest`) and by an admin (`admin`)."""

    site: Site
    pipeline: Pipeline
    ingest: httpx.AsyncClient
    admin: httpx.AsyncClient
    raw: dict[int, int] = field(default_factory=dict)

    async def report(self, *logins: dict[str, Any]) -> None:
        """Login events through log, normalizer and projector, until the views show them."""
        await self.pipeline.send_raw(*logins)
        await self.again()
        self.raw[0] = self.raw.get(0, 0) + len(logins)

    async def again(self, start: int | None = None) -> None:
        """What the normalizer has not done yet, or all from there once more, until the views show it."""
        await self.pipeline.normalize({0: self.raw.get(0, 0) if start is None else start})
        for partition in range(catalogue()[Topic.PROFILE_EVENTS].partitions):
            end = await self.site.storage.log.end.last(partition)
            if end.offset >= 0:
                await self.site.until_applied(str(end))

    def failure(
        self, identifier: Any, ip: str = IP, days_ago: float = 0, reason: str = "wrong_password", **data: Any
    ) -> dict[str, Any]:
        """A login that was refused, now or some days ago."""
        time = datetime.now(UTC) - timedelta(days=days_ago, seconds=1)
        given = {
            "connection": DATABASE_CONNECTION,
            "strategy": "auth0",
            "outcome": "failure",
            "reason": reason,
            "claims": {},
            "identifier": identifier,
            "ip": ip,
        }
        return self.pipeline.login(time=time.isoformat(), data={**given, **data})

    async def fail(self, times: int, identifier: str, ip: str = IP, **changes: Any) -> None:
        """Report this many failed logins."""
        await self.report(*(self.failure(identifier, ip, **changes) for _ in range(times)))

    async def succeed(self, user_id: str, ip: str = IP) -> None:
        """A login of a user of the database connection."""
        data = {
            "connection": DATABASE_CONNECTION,
            "strategy": "auth0",
            "claims": {"user_id": user_id.partition("|")[2]},
            "ip": ip,
        }
        await self.report(self.pipeline.login(time=datetime.now(UTC).isoformat(), data=data))

    async def check(self, identifier: str | None = None, ip: str = IP, **more: Any) -> Any:
        """The answer to a check."""
        body = {"identifier": identifier, "ip": ip, "connection": DATABASE_CONNECTION, **more}
        answer = await self.ingest.post(CHECKS, content=exact_json.dumps(body))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def user(self, email: str, **changes: Any) -> str:
        """The id of a new user."""
        answer = await self.admin.post("/api/v2/users", json=new_user(email=email, **changes))
        assert answer.status_code == 201, answer.text
        user_id: str = answer.json()["user_id"]
        return user_id

    async def protect(self, name: str, **settings: Any) -> None:
        """Changes a protection."""
        answer = await self.admin.patch(f"/api/v2/attack-protection/{name}", json=settings)
        assert answer.status_code == 200, answer.text

    async def edit(self, user_id: str, **changes: Any) -> None:
        """Changes a user."""
        answer = await self.admin.patch(path_of(user_id), json=changes)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def running_gateway(stack: Stack) -> AsyncIterator[Gateway]:
    """Management, ingest and a projector over one database."""
    async with running_site(stack) as site:
        names = stack.environment("ingest", site.database, site.prefix)
        given: dict[str, Any] = {
            name.removeprefix("VITA_").lower(): value for name, value in names.items()
        } | {"key_provider": ""}
        app = build(Settings(**given))
        headers = {
            "authorization": f"Bearer {site.token([CHECK_SCOPE])}",
            "content-type": "application/json",
        }
        async with app.router.lifespan_context(app):
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
                base_url="http://ingest",
                headers=headers,
                timeout=A_WHILE,
            ) as ingest:
                pipeline = Pipeline(stack, site.database, site.prefix, site.storage.keyring)
                yield Gateway(site, pipeline, ingest, site.client())
