"""Every request has an id of Vita's own, in its answer and in each of its log lines."""

import asyncio
import json
import uuid
from typing import Any

import httpx
import structlog
from starlette.types import Receive, Scope, Send

from services.runtime.auth.tokens import Principal
from services.runtime.fairness.current_request import add_request, current_request, identify, shared_task
from services.runtime.http.access_log import AccessLog
from services.runtime.http.request_id import HEADER, WithRequestId

PRINCIPAL = Principal("abc@clients", "demo", 'cl"ient', frozenset())


class Service:
    """An application that logs a line, by itself and in a task that requests share, and fails on /broken."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.written: list[str] = []
        self.app = WithRequestId(self._answer, AccessLog("json", self.written.append))

    async def _answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        identify(PRINCIPAL.tenant, PRINCIPAL.client_id)
        await asyncio.create_task(self._log("own"))
        await shared_task(self._log("shared"))
        if scope["path"] == "/broken":
            raise RuntimeError
        headers = [(b"vita-position", b"3:17"), (b"x-request-id", b"the application's")][
            : scope["path"] == "/w"
        ]
        scope["vita.route"] = "/route"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _log(self, event: str) -> None:
        self.lines.append(dict(add_request(None, "info", {"event": event})))

    async def ask(self, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vita") as client:
            return await client.get(path, headers={HEADER: "the caller's"})

    async def log_lines(self) -> list[dict[str, Any]]:
        """The lines of the access log."""
        await self.app({"type": "lifespan"}, self._nothing, self._nothing)  # type: ignore[arg-type]
        return [json.loads(line) for line in "".join(self.written).splitlines()]

    async def _nothing(self, *_message: object) -> None:
        """No server is here."""


async def test_answers_and_lines_carry_the_same_id() -> None:
    """A UUIDv7 that no caller chooses; the lines name tenant and client, that of the answer the position."""
    service = Service()
    answers = [await service.ask(path) for path in ("/w", "/r")]
    ids = [answer.headers[HEADER] for answer in answers]
    assert [uuid.UUID(one).version for one in ids] == [7, 7]
    assert len(set(ids)) == 2
    who = {"tenant": "demo", "client": 'cl"ient'}
    assert service.lines == [
        line
        for request_id in ids
        for line in ({"request_id": request_id, **who, "event": "own"}, {"event": "shared"})
    ]
    log_lines = await service.log_lines()
    assert [(line["request_id"], line["route"], line.get("position")) for line in log_lines] == [
        (ids[0], "/route", "3:17"),
        (ids[1], "/route", None),
    ]
    assert all(line.items() >= who.items() for line in log_lines)
    assert current_request() is None


async def test_a_request_without_a_response_is_logged() -> None:
    """Where the application breaks, the line is there, and the next request has nothing of it."""
    service = Service()
    assert (await service.ask("/broken")).status_code == 500
    assert [line["status"] for line in await service.log_lines()] == [0]
    assert current_request() is None


def test_lines_outside_of_requests_say_nothing_of_one() -> None:
    """A worker's line has what it says itself."""
    event: structlog.typing.EventDict = {"event": "started"}
    assert add_request(None, "info", event) == {"event": "started"}
