"""What operators and their machines ask a service at a port of its own: `GET /metrics`, `/livez`, `/readyz`.

The port is apart from that of the API, so that neither metrics nor probes are open to callers of the API. A
thread answers, so that a process whose event loop stands still is seen as such.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socket import AF_INET, AF_INET6
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any, Final, TypeVar

import structlog

from services.runtime.metrics.exposition import exposed, read_gauges
from services.runtime.postgres.pool_use import read_pools

METRICS: Final = "/metrics"
LIVE: Final = "/livez"
READY: Final = "/readyz"
ANSWER_SECONDS: Final = 5.0
"""How long the event loop has to answer. Longer than the probes of services wait for their surroundings."""
IDLE_SECONDS: Final = 10.0
_PLAIN: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json; charset=utf-8"
_log = structlog.get_logger()
Result = TypeVar("Result")

Obstacle = Callable[[], Awaitable[str | None]]
"""Return why a service cannot do its work, without personal data; None when it can."""


@dataclass(frozen=True, slots=True)
class OperationsAddress:
    """Where to listen. Port 0 is any free port, which is logged."""

    host: str
    port: int


class Lifecycle:
    """The readiness of a service over its whole life: what it consists of is known once it has started."""

    def __init__(self) -> None:
        self._ready: Obstacle | None = None
        self._otherwise = "it is starting"

    def started(self, ready: Obstacle) -> None:
        """The service serves, and this says whether it can do its work."""
        self._ready = ready

    def stopping(self) -> None:
        """The service ends."""
        self._ready, self._otherwise = None, "it is stopping"

    async def obstacle(self) -> str | None:
        """Return why the service is not ready; None when it is."""
        return self._otherwise if self._ready is None else await self._ready()


@asynccontextmanager
async def serving_operations(
    service: str, address: OperationsAddress, obstacle: Obstacle
) -> AsyncIterator[int]:
    """Answer at the address for the duration of the `async with` block; the port. Raises OSError when the
    port is taken."""
    server = _Server(service, address, obstacle, asyncio.get_running_loop())
    thread = Thread(target=server.serve_forever, name="operations", daemon=True)
    thread.start()
    _log.info("operations_served", host=address.host, port=server.port)
    try:
        yield server.port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


class _Server(ThreadingTCPServer):
    """A thread per connection; connections that are open at the end of the process end with it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, service: str, address: OperationsAddress, obstacle: Obstacle, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.service, self._obstacle, self._loop = service, obstacle, loop
        self.address_family = AF_INET6 if ":" in address.host else AF_INET
        super().__init__((address.host, address.port), _Handler)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def in_loop(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of work in the event loop. Raises TimeoutError when there is none in time."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            work.close()
            raise TimeoutError from error
        try:
            return future.result(ANSWER_SECONDS)
        except CancelledError as error:
            raise TimeoutError from error
        finally:
            future.cancel()

    async def obstacle(self) -> str | None:
        """Return why the service is not ready, whatever goes wrong in finding out."""
        try:
            return await self._obstacle()
        except Exception as error:  # whatever it is, the service is not ready
            return f"readiness is not known: {type(error).__name__}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no error of the service."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """Answer one request."""
        try:
            self._answer(*self._found())
        except TimeoutError:
            self._answer(503, b"the event loop does not answer\n", _PLAIN)

    def do_HEAD(self) -> None:
        """Answer one request without a body."""
        self.do_GET()

    def _found(self) -> tuple[int, bytes, str]:
        match self.path.partition("?")[0]:
            case "/livez":
                self.server.in_loop(asyncio.sleep(0))
                return 200, b"ok\n", _PLAIN
            case "/readyz":
                reason = self.server.in_loop(self.server.obstacle())
                state = {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason}
                return 200 if reason is None else 503, json.dumps(state).encode(), _JSON
            case "/metrics":
                self.server.in_loop(_read_gauges())
                return 200, *exposed(self.server.service, self.headers.get("accept", ""))
            case _:
                return 404, f"known are {METRICS}, {LIVE} and {READY}\n".encode(), _PLAIN

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Name no versions."""
        return "vita"

    def log_message(self, *_arguments: Any) -> None:
        """Requests of probes are not logged."""


async def _read_gauges() -> None:
    read_pools()
    await read_gauges()
