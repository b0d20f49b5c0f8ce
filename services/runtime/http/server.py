"""Serving HTTP: granian inside this process, on the uvloop the rest of the process runs on.

Measured, a POST of 700 bytes answered by a bare ASGI callable: granian 73 us of CPU a request, uvicorn 158.
"""

import asyncio
import gc
import logging
import resource
import signal
import sys
from typing import Any, Final

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server

from services.runtime.http.request_bodies import ReadsOn
from services.runtime.http.response_headers import SecureHeaders
from services.runtime.http.tls import Tls

_BACKLOG: Final = 1024
_MOST_FILES: Final = 65_536
_OTHER_FILES: Final = 256
"""The number of files that a process opens besides connections of callers."""
_COLLECT_AFTER: Final = (2_000, 500, 50)
"""Thresholds of the garbage collector. A request leaves mostly cycles, of which 50,000 take a tenth of a
second, so few are collected at once. Surviving objects are examined again much later: with Python's defaults,
the collector takes four fifths of the time of reading a large body."""
_SERVER_THREADS: Final = 2
_SWITCH_SECONDS: Final = 0.0001
"""The interpreter's switch interval, in seconds. Granian's threads wait this long for each request that they
pass to a busy loop. With Python's 5 ms and a single thread, one tenant with many concurrent requests delays
the requests of all others."""


def _most_connections() -> int:
    """Return the maximum number of open connections, including idle ones: the process's limit of open files.
    By default Granian accepts no more than its backlog, so that a thousand idle connections would block all
    others."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(_BACKLOG, files - _OTHER_FILES)


async def serve(app: Any, host: str, port: int, tls: Tls | None = None) -> None:
    """Serves an ASGI application until SIGTERM or SIGINT, then lets the requests under way finish.

    HTTPS with a certificate, plain HTTP without. The server reads a request's body only as far as the
    application receives it (and about 400 KB ahead), so what an application counts is what there is.
    """
    server = Server(
        ReadsOn(SecureHeaders(app, tls=tls is not None)),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        runtime_threads=_SERVER_THREADS,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_most_connections(),
        ssl_cert=None if tls is None else tls.certificate,
        ssl_key=None if tls is None else tls.key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    logging.getLogger("_granian").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)
    await server.serve()


def run(app: Any, host: str, port: int, tls: Tls | None = None) -> None:
    """Run `serve` in a new event loop, for the whole life of an HTTP service's process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, host, port, tls))
