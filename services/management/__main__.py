"""`python -m services.management`"""

import uvloop

from services.management.app import create_app
from services.management.service import open_service
from services.management.settings import Settings
from services.runtime import logs
from services.runtime.http_server import serve


async def main() -> None:
    """Serves until told to stop, then lets the requests under way finish."""
    settings = Settings()
    logs.configure(settings.log_format)
    async with open_service(settings) as service:
        await serve(create_app(service), settings.http_host, settings.http_port)


if __name__ == "__main__":
    uvloop.run(main())
