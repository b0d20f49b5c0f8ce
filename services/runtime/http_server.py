"""Serving HTTP: granian inside this process, on the uvloop the rest of the process runs on.

Measured, a POST of 700 bytes answered by a bare ASGI callable: granian 73 us of CPU a request, uvicorn 158.
"""

import asyncio
import gc
import logging
import signal
import sys
from typing import Any, Final

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server

from services.runtime.request_bodies import ReadsOn
from services.runtime.response_headers import SecureHeaders
from services.runtime.settings import Tls

_BACKLOG: Final = 1024
_COLLECT_AFTER: Final = (50_000, 20, 50)
"""Objects, then generations. With Python's defaults the collector takes four fifths of the time of reading a
large body: every document is looked through again and again while it grows."""
_SWITCH_SECONDS: Final = 0.0005
"""How long one thread may keep others from running Python while they wait: granian's own, which hands
requests to the loop, waits so long for each where the loop is busy. Python's default is ten times that."""


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
        websockets=False,
        backlog=_BACKLOG,
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
    """`serve` in an event loop of its own: the whole life of an HTTP service's process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, host, port, tls))
