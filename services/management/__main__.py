"""`python -m services.management`"""

from contextlib import AsyncExitStack
from functools import partial

import uvloop

from services.management.app import create_app
from services.management.container import open_service
from services.management.http.health import obstacle
from services.management.settings import Settings
from services.runtime import logs
from services.runtime.http.server import serve
from services.runtime.operations import Lifecycle, serving_operations
from services.runtime.startup import open_when_possible


async def main() -> None:
    """Serve until the process is stopped, then finish the requests in progress."""
    settings = Settings()
    logs.configure(settings.log_format)
    lifecycle = Lifecycle()
    async with (
        serving_operations("management", settings.operations, lifecycle.obstacle),
        AsyncExitStack() as stack,
    ):
        service = await open_when_possible(stack, partial(open_service, settings))
        lifecycle.started(partial(obstacle, service))
        await serve(create_app(service), settings.http_host, settings.http_port, settings.tls)
        lifecycle.stopping()


if __name__ == "__main__":
    uvloop.run(main())
