"""`python -m services.ingest`: serves until SIGTERM, then finishes the requests in progress."""

from services.ingest.app import build
from services.ingest.settings import Settings
from services.runtime import logs
from services.runtime.http.server import run


def main() -> None:
    """Read the settings and serve."""
    settings = Settings()
    logs.configure(settings.log_format)
    run(build(settings), settings.http_host, settings.http_port, settings.tls)


if __name__ == "__main__":
    main()
