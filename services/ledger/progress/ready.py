"""`python -m services.ledger.progress.ready SERVICE`: the readiness probe of a container.

Exit code 0 when this host's process of the service is up; otherwise 1, and one line says what is wrong. It
reads the process's heartbeat with the service's own VITA_DATABASE_URL.
"""

import asyncio
import os
import socket
import sys

import asyncpg

from schemas.errors import Transient
from services.ledger.progress.heartbeats import latest_beat
from services.runtime.postgres.pool import database_failures

PROBE_SECONDS = 5.0
SERVICES = ("ingest", "management", "normalizer", "projector", "auditor")


async def obstacle(database_url: str, service: str) -> str | None:
    """Why this host's process of the service is not ready; None when it is. Raises Transient."""
    with database_failures():
        connection = await asyncpg.connect(database_url, timeout=PROBE_SECONDS, command_timeout=PROBE_SECONDS)
        try:
            row = await latest_beat(connection, service, socket.gethostname())
        finally:
            await connection.close(timeout=PROBE_SECONDS)
    if row is None:
        return "it has not started"
    if row["state"] != "up":
        return f"it is {row['state']}: {row['reason']}"
    return None if row["is_alive"] else "it has given no sign of life for more than 5 seconds"


def main() -> int:
    """The exit code; 2 for a wrong call."""
    arguments = sys.argv[1:]
    url = os.environ.get("VITA_DATABASE_URL")
    if len(arguments) != 1 or arguments[0] not in SERVICES or not url:
        sys.stderr.write(
            f"Call: VITA_DATABASE_URL=... python -m services.ledger.progress.ready {'|'.join(SERVICES)}\n"
        )
        return 2
    try:
        wrong = asyncio.run(obstacle(url, arguments[0]))
    except Transient as error:
        wrong = str(error)
    sys.stdout.write(f"{arguments[0]} is " + ("ready\n" if wrong is None else f"not ready: {wrong}\n"))
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main())
