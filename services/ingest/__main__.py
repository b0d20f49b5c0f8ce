"""`python -m services.ingest`: serves until SIGTERM, then finishes the requests in progress."""

from functools import partial

import uvloop

from services.ingest.app import build, obstacle, wait_for_database
from services.ingest.settings import Settings
from services.runtime import logs
from services.runtime.http.server import serve
from services.runtime.operations import Lifecycle, serving_operations


async def main() -> None:
    """Read the settings and serve."""
    settings = Settings()
    logs.configure(settings.log_format)
    app, lifecycle = build(settings), Lifecycle()
    lifecycle.started(partial(obstacle, app))
    async with serving_operations("ingest", settings.operations, lifecycle.obstacle):
        await wait_for_database(settings)
        await serve(app, settings.http_host, settings.http_port, settings.tls)
        lifecycle.stopping()


if __name__ == "__main__":
    uvloop.run(main())
