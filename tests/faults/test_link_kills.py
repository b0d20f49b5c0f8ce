"""Links come and go while logins pour in, and the processes that see to them are killed: all or nothing."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from schemas.formats import exact_json
from schemas.topics import Topic
from services.management.container import open_service
from tests.samples.raw_logins import make_data, make_event
from tests.support.patience import A_WHILE
from tests.support.processes import free_port
from tests.worlds.management import path_of, settings_for
from tests.worlds.pipeline import Pipeline
from tests.worlds.workers import Workers, all_workers

PAIRS = 12
ROUNDS = 40
KILLS = ("projector", "management", "projector", "management")
BACKOFF_SECONDS = 0.2
"""How long a client waits before it repeats a request that found no process."""


class Api:
    """The Management API as a process that may be killed, with clients that keep sending requests."""

    def __init__(self, workers: Workers, port: int, token: str) -> None:
        self.workers, self._port = workers, port
        self._http = httpx.AsyncClient(
            trust_env=False, timeout=A_WHILE, headers={"authorization": f"Bearer {token}"}
        )

    async def start(self) -> None:
        """Starts the process as its supervisor would."""
        pipeline = self.workers.pipeline
        environment = pipeline.stack.environment("management", pipeline.database, pipeline.prefix) | {
            "VITA_HTTP_PORT": str(self._port),
            "VITA_RESERVATION_SETTLE_SECONDS": "1",
            "VITA_RESERVATION_SWEEP_SECONDS": "0.5",
        }
        self.workers.running["management"] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.management",
            env={**os.environ, **environment}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def ask(self, method: str, path: str, **body: Any) -> int:
        """Return the status; 0 when no process listens or the connection breaks."""
        try:
            answer = await self._http.request(method, f"http://127.0.0.1:{self._port}{path}", **body)
        except httpx.TransportError:
            await asyncio.sleep(BACKOFF_SECONDS)
            return 0
        return answer.status_code

    async def close(self) -> None:
        """Disconnects."""
        await self._http.aclose()


@asynccontextmanager
async def asking(workers: Workers) -> AsyncIterator[Api]:
    """A running API and a token for it."""
    pipeline, port = workers.pipeline, free_port()
    async with open_service(settings_for(pipeline.stack, pipeline.database, pipeline.prefix)) as service:
        scopes = ["read:users", "update:users"]
        audience = service.settings.token_audience
        token = (await service.auth.issuers.of()).issue("tests", "demo", scopes, audience, datetime.now(UTC))
    api = Api(workers, port, token)
    await api.start()
    try:
        yield api
    finally:
        await api.close()


def raw(kind: str, person: int, number: int) -> dict[str, Any]:
    """A login of one of a person's two accounts."""
    if kind == "primary":
        claims: dict[str, Any] = {"sub": f"1{person:020}", "name": f"P{person}"}
        return make_event(id=f"p-{person}-{number}", data=make_data(claims=claims))
    claims = {"id": 1000 + person, "login": f"s{person}"}
    return make_event(
        id=f"s-{person}-{number}", data=make_data(connection="github", strategy="github", claims=claims)
    )


def names(person: int) -> tuple[str, str]:
    return f"google-oauth2|1{person:020}", str(1000 + person)


async def sign_in(pipeline: Pipeline) -> int:
    """Log in both accounts of each person repeatedly and return the number of logins."""
    for number in range(ROUNDS):
        for partition in range(12):
            events = [
                raw(kind, person, number)
                for person in range(PAIRS)
                if person % 12 == partition
                for kind in ("primary", "secondary")
            ]
            await pipeline.send_raw(*events, partition=partition)
    return 2 * PAIRS * ROUNDS


async def link_and_unlink(api: Api, until: asyncio.Event, done: list[int]) -> None:
    """Continuously link and unlink people."""
    while not until.is_set():
        primary, secondary = names(random.randrange(PAIRS))
        place = f"{path_of(primary)}/identities"
        if random.random() < 0.6:
            status = await api.ask("POST", place, json={"provider": "github", "user_id": secondary})
        else:
            status = await api.ask("DELETE", f"{place}/github/{secondary}")
        done.append(status)


async def counted(pipeline: Pipeline) -> int:
    """The logins of all profiles, including those of linked secondaries."""
    total = 0
    for row in await pipeline.rows("SELECT document, associations FROM views.profile"):
        document = {} if row["document"] is None else exact_json.loads(row["document"])
        associations = {} if row["associations"] is None else exact_json.loads(row["associations"])
        put_by = associations.get("merged", {}).get("document", {})
        total += document.get("logins_count", 0) + put_by.get("logins_count", 0)
    return total


async def nothing_left(pipeline: Pipeline) -> bool:
    return await pipeline.rows("SELECT FROM ledger.link") == []


async def test_killed_in_the_middle_of_links(pipeline: Pipeline) -> None:
    """Projector and API are killed with SIGKILL in turn; in the end every login counts once and every link is
    complete or undone."""
    async with all_workers(pipeline) as workers, asking(workers) as api:
        await pipeline.send_raw(
            *(raw(kind, n, -1) for n in range(PAIRS) for kind in ("primary", "secondary"))
        )
        await pipeline.stack.until(lambda: complete(pipeline, 2 * PAIRS), timeout=90)
        over, statuses = asyncio.Event(), []
        askers = [asyncio.create_task(link_and_unlink(api, over, statuses)) for _ in range(4)]
        publishing = asyncio.create_task(sign_in(pipeline))
        for victim in KILLS:
            before = taken(statuses)
            await pipeline.stack.until(lambda before=before: taken(statuses) > before, timeout=90)
            assert await workers.end(victim, signal.SIGKILL) == -signal.SIGKILL
            await (api.start() if victim == "management" else workers.start(victim))
        sent = await publishing + 2 * PAIRS
        over.set()
        await asyncio.gather(*askers)
        await pipeline.stack.until(lambda: nothing_left(pipeline), timeout=90)
        await pipeline.stack.until(lambda: complete(pipeline, sent), timeout=90)
        assert {200, 201} <= set(statuses)
        assert await counted(pipeline) == sent
        await no_link_is_half_done(pipeline)
        assert await pipeline.letters(Topic.LOGINS_RAW_DLQ) == []
        assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []


def taken(statuses: list[int]) -> int:
    """How many links and unlinks were answered as done."""
    return sum(status in (200, 201) for status in statuses)


async def complete(pipeline: Pipeline, logins: int) -> bool:
    return await counted(pipeline) >= logins


async def no_link_is_half_done(pipeline: Pipeline) -> None:
    """Each account of github is shown by its own profile or by the one that it was merged into."""
    shown: dict[str, list[str]] = {}
    merged: dict[str, str] = {}
    for row in await pipeline.rows("SELECT subject, document, associations FROM views.profile"):
        associations = {} if row["associations"] is None else exact_json.loads(row["associations"])
        if "merged" in associations:
            merged[row["subject"]] = associations["merged"]["into"]
        for link in associations.get("linked", {}).values():
            shown.setdefault(link["subject"], []).append(row["subject"])
    assert shown == {subject: [into] for subject, into in merged.items()}
