"""`python -m services.management`"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog
import uvloop

from schemas.errors import Transient
from services.management.app import create_app
from services.management.container import Service, open_service
from services.management.http.health import obstacle
from services.management.settings import Settings
from services.runtime import logs
from services.runtime.http.server import serve
from services.runtime.operations import Lifecycle, serving_operations

FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
_log = structlog.get_logger()


async def main() -> None:
    """Serve until the process is stopped, then finish the requests in progress."""
    settings = Settings()
    logs.configure(settings.log_format)
    lifecycle = Lifecycle()
    async with (
        serving_operations("management", settings.operations, lifecycle.obstacle),
        AsyncExitStack() as stack,
    ):
        service = await _opened(stack, settings)
        lifecycle.started(partial(obstacle, service))
        await serve(create_app(service), settings.http_host, settings.http_port, settings.tls)
        lifecycle.stopping()


async def _opened(stack: AsyncExitStack, settings: Settings) -> Service:
    """Open the service, and retry until the database and the event log respond."""
    delay = FIRST_BACKOFF_SECONDS
    while True:
        try:
            return await stack.enter_async_context(open_service(settings))
        except Transient as error:
            _log.warning("not_ready", error=str(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_BACKOFF_SECONDS)


if __name__ == "__main__":
    uvloop.run(main())
