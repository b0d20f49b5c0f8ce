"""A hostile tenant does not starve a quiet one: real processes and raw sockets. The tests do not measure
times: the hostile tenant holds its resources until the quiet one has its response."""

import asyncio
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from schemas.formats import exact_json
from services.ingest.errors import MAX_BYTES
from services.queries.search.searcher import SHARE
from services.runtime.fairness.shares import OverShare
from tests.samples.raw_logins import make_event
from tests.support.patience import soon
from tests.support.stack import Stack
from tests.worlds.ingest import LOGINS, IngestSite, add_tenant, make_ingest_site
from tests.worlds.management import Site, running_site

CONNECTIONS: Final = 4
QUEUE: Final = 5
IDLE: Final = 1100


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(stack: Stack) -> IngestSite:
    site = await make_ingest_site(stack)
    await add_tenant(site.database, "other")
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def management(stack: Stack) -> AsyncIterator[Site]:
    limits = "generous,token=3/0.001,token_source=8/0.001"
    async with running_site(
        stack, search_connections=CONNECTIONS, search_queue=QUEUE, rate_limits=limits
    ) as running:
        yield running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def process(stack: Stack, service: str, **environment: str) -> AsyncIterator[int]:
    """A service in a separate process; returns its port once it is healthy."""
    port = free_port()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}",
        env={**os.environ, **environment, "VITA_HTTP_PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

            async def healthy() -> bool:
                try:
                    return (await client.get("/healthz")).is_success
                except httpx.TransportError:
                    return False

            await stack.until(healthy)
        yield port
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGTERM)
            try:
                await soon(running.wait())
            except TimeoutError:
                running.kill()
                raise


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(ingest: IngestSite) -> AsyncIterator[int]:
    """Ingest as a process with room for three of the largest bodies; its port."""
    environment = ingest.stack.environment("ingest", ingest.database, ingest.prefix)
    async with process(
        ingest.stack, "ingest", **environment, VITA_IN_FLIGHT_BYTES=str(3 * MAX_BYTES)
    ) as port:
        yield port


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(management: Site) -> AsyncIterator[int]:
    """Management as a process that waits a second for a body; its port."""
    names = management.stack.environment("management", management.database, management.prefix)
    async with process(management.stack, "management", **names, VITA_BODY_SECONDS="1") as port:
        yield port


class Connection:
    """A client that writes as it likes, and reads when it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, exact_json.loads(body)

    @property
    def is_ended(self) -> bool:
        """Whether the server has closed it."""
        return self._reader.at_eof()

    async def close(self) -> None:
        self._writer.close()


def head(method: str, path: str, token: str, length: int) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_slow_and_large_bodies_of_one_client_leave_intake_to_others(
    ingest: IngestSite, gateway: int
) -> None:
    """A hundred requests that announce as much as is allowed and stop, among them more received bytes than
    there is memory: the surplus gets 429 with Retry-After, another tenant's login is accepted
    meanwhile; the stopped ones get 408."""
    async with AsyncExitStack() as opened:
        hostile = []
        for number in range(100):
            connection = await Connection.open(gateway)
            opened.push_async_callback(connection.close)
            hostile.append(connection)
            await connection.write(head("POST", LOGINS, ingest.token(), MAX_BYTES))
            if number < 10:
                await connection.write(*[b" " * 100_000] * 30)
        refused = await asyncio.gather(*(connection.answer() for connection in hostile[3:10]))
        assert {status for status, _, _ in refused} <= {429, 408}
        assert any(status == 429 for status, _, _ in refused)
        assert all(int(headers["retry-after"]) >= 1 for status, headers, _ in refused if status == 429)
        body = exact_json.dumps(make_event(id="quiet", tenant="other"))
        quiet = await Connection.open(gateway)
        opened.push_async_callback(quiet.close)
        await quiet.write(head("POST", LOGINS, ingest.token(tenant="other"), len(body)), body)
        answer = await quiet.answer()
        assert answer[0] == 202, answer[2]
        slow = await asyncio.gather(*(connection.answer() for connection in hostile[90:]))
        assert {status for status, _, _ in slow} == {408}
        assert slow[0][2]["message"] == "The body did not arrive in time."


@pytest.fixture
def many_files() -> Iterator[None]:
    """Files for more connections than a process may have by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_idle_connections_do_not_exhaust_the_server(ingest: IngestSite, gateway: int) -> None:
    """With more idle connections than the server accepts by default, the next request is answered."""
    async with AsyncExitStack() as opened:
        idle = [await Connection.open(gateway) for _ in range(IDLE)]
        for connection in idle:
            opened.push_async_callback(connection.close)
        body = exact_json.dumps(make_event(id="beside", tenant="other"))
        quiet = await Connection.open(gateway)
        opened.push_async_callback(quiet.close)
        await quiet.write(head("POST", LOGINS, ingest.token(tenant="other"), len(body)), body)
        status, _, answer = await quiet.answer()
        assert status == 202, answer
        assert not any(connection.is_ended for connection in idle)


async def test_large_requests_of_one_tenant_leave_turns_to_others(management: Site) -> None:
    """While a tenant's work holds the thread and more of it waits, small requests of others are answered, and
    their long query is the next to be read."""
    computing, held = management.service.limits.computing, threading.Event()
    hostile, quiet = management.client(), management.client(tenant="other")
    long_query = {"q": " OR ".join(f"name:n{number}" for number in range(100))}
    order: list[str] = []

    async def search(client: httpx.AsyncClient, name: str) -> int:
        answer = await client.get("/api/v2/users", params=long_query)
        order.append(name)
        return answer.status_code

    holding = asyncio.create_task(computing.run("demo", held.wait))
    try:
        noisy = [asyncio.create_task(search(hostile, "noisy")) for _ in range(QUEUE)]
        await management.stack.until(lambda: len(computing._gate._waiting.get("demo", ())) == len(noisy))
        assert (await quiet.get("/api/v2/users", params={"q": "name:x"})).status_code == 200
        assert (await quiet.post("/api/v2/users", json={"connection": "none"})).status_code == 400
        asked = asyncio.create_task(search(quiet, "quiet"))
        await management.stack.until(lambda: "other" in computing._gate._waiting)
        assert not order
    finally:
        held.set()
    assert await asyncio.gather(asked, *noisy) == [200] * (1 + QUEUE)
    assert await holding


async def test_a_client_that_writes_everything_before_it_reads_gets_the_refusal(
    ingest: IngestSite, management: Site, gateway: int, api: int
) -> None:
    """Five megabytes, refused before they are read, by both services: no broken pipe, the documented
    answer; whatever it is refused for."""
    token, padding = ingest.token(), [b" " * 100_000] * 55
    length = sum(map(len, padding))
    for port, method, path, bearer, status in (
        (gateway, "POST", LOGINS, token, 413),
        (gateway, "POST", LOGINS, "a.b.c", 401),
        (gateway, "POST", "/nowhere", token, 404),
        (api, "POST", "/api/v2/users", management.token(), 413),
        (api, "PATCH", "/api/v2/users/auth0%7Cx", management.token(["read:users"]), 403),
        (api, "POST", "/oauth/token", "", 413),
        (api, "POST", "/nowhere", "", 404),
    ):
        connection = await Connection.open(port)
        await connection.write(head(method, path, bearer, length), *padding)
        answer = await connection.answer()
        await connection.close()
        assert answer[0] == status, (path, answer)


async def test_a_slow_body_ends_in_management_as_well(management: Site, api: int) -> None:
    """408 in the documented shape, also where no token is known yet."""
    for path in ("/api/v2/users", "/oauth/token"):
        connection = await Connection.open(api)
        await connection.write(head("POST", path, management.token(), 500), b"{")
        status, _, body = await connection.answer()
        await connection.close()
        assert status == 408
        message = body.get("message") or body["error_description"]
        assert message == "The body did not arrive in time."


@pytest.mark.parametrize("path", ["/api/v2/users", "/api/v2/logs"])
async def test_one_tenants_searches_leave_connections_to_others(management: Site, path: str) -> None:
    """A tenant whose searches hold its share of the connections waits, then gets 429 with Retry-After;
    another tenant's searches go on."""
    searcher, asked = management.service.storage.searcher, {"q": "name:x*" if "users" in path else "type:x*"}
    hostile, quiet = management.client(), management.client(tenant="other")
    async with AsyncExitStack() as held:
        for _ in range(int(CONNECTIONS * SHARE)):
            await held.enter_async_context(searcher.planning("demo"))
        waiting = [asyncio.create_task(hostile.get(path, params=asked)) for _ in range(QUEUE)]
        gate = searcher._planned._gate
        await management.stack.until(lambda: len(gate._waiting.get("demo", ())) == QUEUE)
        surplus = await hostile.get(path, params=asked)
        assert surplus.status_code == 429
        assert int(surplus.headers["retry-after"]) >= 1
        assert surplus.json()["errorCode"] == "too_many_requests"
        with pytest.raises(OverShare):
            async with searcher.planning("demo"):
                raise AssertionError
        for _ in range(3):
            assert (await quiet.get(path, params=asked)).status_code == 200
        assert not any(task.done() for task in waiting)
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


async def test_requests_for_tokens_are_limited_before_anybody_is_authenticated(management: Site) -> None:
    """By client and address, and by address: 429 as OAuth words it, with Retry-After; a client that a
    stranger names from elsewhere is not affected."""
    api = management.client()

    async def ask(client_id: str) -> httpx.Response:
        body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "x"}
        return await api.post("/oauth/token", json=body)

    statuses = [(await ask("one")).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    refused = await ask("one")
    assert refused.json() == {
        "error": "too_many_requests", "error_description": "Global limit has been reached",
    }  # fmt: skip
    assert int(refused.headers["retry-after"]) > 1
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert [(await ask(name)).status_code for name in ("two", "three", "four")] == [401] * 3
    assert (await ask("five")).status_code == 429
    elsewhere = httpx.AsyncClient(
        transport=httpx.ASGITransport(management.app, client=("192.0.2.7", 1)), base_url="http://vita"
    )
    async with elsewhere:
        answer = await elsewhere.post(
            "/oauth/token",
            json={"grant_type": "client_credentials", "client_id": "one", "client_secret": "x"},
        )
    assert answer.status_code == 401
