"""`python -m tests.bench.login_checks`: the latency of login checks, compared with a bare `SELECT 1`. One
process serves each, over one database; one client drives them in turn at every number of connections."""

import argparse
import asyncio
import json
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import asyncpg
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from services.ingest.documents import LOGIN_CHECKS
from services.runtime.http.server import serve
from tests.bench.meter import Percentiles
from tests.bench.site import TENANT, Site, fresh_site
from tests.bench.wire import drive, request

CONNECTIONS = (1, 2, 4, 8, 16, 32)
CONNECTION_NAME = "Username-Password-Authentication"
ADDRESSES = 10_000
_PEOPLE = """
    INSERT INTO view_1.search
        (tenant, subject, user_id, created_at, email, email_folded, blocked, connections, unsearchable)
    SELECT $1, 'sub_' || md5(n::text), 'auth0|' || n, now(), 'p' || n || '@example.com',
        'p' || n || '@example.com', n % 100 = 0, ARRAY[$2], '{}' FROM generate_series(1, $3::int) AS n
"""
_DIRECTORY = """
    INSERT INTO ledger.directory (tenant, provider, idp_id, subject)
    SELECT $1, 'auth0', n::text, 'sub_' || md5(n::text) FROM generate_series(1, $2::int) AS n
"""
_FAILURES = """
    INSERT INTO view_1.login_guard (tenant, subject, connection, identifier, failures, last_failed, ips)
    SELECT $1, 'sub_' || md5(n::text), $2, 'p' || n || '@example.com', 1 + n % 15, $4::bigint,
        jsonb_build_object('10.0.' || n % 40 || '.' || n % 250, jsonb_build_array(1 + n % 15, $4::bigint))
    FROM generate_series(1, $3::int) AS n
"""
_ADDRESSES = """
    INSERT INTO view_1.ip_guard (tenant, ip, partition, times)
    SELECT $1, '10.0.' || n / 250 || '.' || n % 250, n % 12,
        ARRAY(SELECT $3::bigint - 1000000 * s FROM generate_series(40, 1, -1) AS s)
    FROM generate_series(0, $2::int - 1) AS n
"""


@dataclass(frozen=True)
class Speed:
    """Requests at a number of connections."""

    connections: int
    per_second: float
    latency: Percentiles
    bare_per_second: float
    bare_latency: Percentiles

    @property
    def ratio(self) -> float:
        """The throughput in proportion to that of the bare endpoint."""
        return self.per_second / self.bare_per_second


async def fill(connection: asyncpg.Connection, tenant: str, rows: int) -> None:
    """Write this many people with failed logins, and IP addresses with failed logins."""
    now = int(time.time() * 1000)
    await connection.execute(_PEOPLE, tenant, CONNECTION_NAME, rows)
    await connection.execute(_DIRECTORY, tenant, rows)
    await connection.execute(_FAILURES, tenant, CONNECTION_NAME, rows, now)
    await connection.execute(_ADDRESSES, tenant, ADDRESSES, now)
    await connection.execute("VACUUM ANALYZE")


def checks(rows: int, token: str, count: int) -> list[bytes]:
    """Requests about people picked at random, half of them from an address that failed as them."""
    dice, found = random.Random(7), []
    for _ in range(count):
        number = dice.randint(1, rows)
        ip = f"10.0.{number % 40}.{number % 250}" if dice.random() < 0.5 else f"10.0.{dice.randint(0, 39)}.1"
        body = {"connection": CONNECTION_NAME, "identifier": f"p{number}@example.com", "ip": ip}
        found.append(request("POST", LOGIN_CHECKS, token, json.dumps(body).encode()))
    return found


@asynccontextmanager
async def bare(database_url: str) -> AsyncIterator[str]:
    """The address of a process that answers every request with what `SELECT 1` says."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.login_checks", "--bare", database_url, "--port", str(port)
    )
    try:
        for _ in range(1200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def serve_bare(database_url: str, port: int) -> None:
    """Serve the bare endpoint."""
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=4)

    async def app(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def,type-arg]  # ASGI's own shapes
        if scope["type"] != "http":
            return
        await receive()
        body = b'{"answer":%d}' % await pool.fetchval("SELECT 1")
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    await serve(app, "127.0.0.1", port)


async def measure(site: Site, rows: int, seconds: float) -> list[Speed]:
    """Measure both endpoints at every number of connections."""
    async with site.pool.acquire() as connection:
        await fill(connection, TENANT, rows)
    await site.start_ingest()
    found = []
    requests = checks(rows, site.token, 5000)
    trivial = [request("POST", "/", "none", b"{}")]
    async with bare(site.stack.admin_database_url) as bare_url:
        for url, sent in ((site.stack.ingest_url, requests), (bare_url, trivial)):
            await drive(url, sent, 4, 1.0)
        for connections in CONNECTIONS:
            ours = await drive(site.stack.ingest_url, requests, connections, seconds)
            found.append(Speed(connections, *ours, *await drive(bare_url, trivial, connections, seconds)))
    return found


def show(console: Console, speeds: Sequence[Speed]) -> None:
    """A line for each number of connections."""
    table = Table(title="login checks", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("connections", "checks/s", "p50 ms", "p99 ms", "SELECT 1/s", "p50 ms", "p99 ms", "ratio"):
        table.add_column(name, justify="right")
    for one in speeds:
        ours, theirs = one.latency, one.bare_latency
        cells = (
            one.connections,
            one.per_second,
            ours.p50,
            ours.p99,
            one.bare_per_second,
            theirs.p50,
            theirs.p99,
        )
        shapes = ("d", ",.0f", ".2f", ".2f", ",.0f", ".2f", ".2f")
        shown = (format(cell, shape) for cell, shape in zip(cells, shapes, strict=True))
        table.add_row(*shown, f"{one.ratio:.2f}")
    console.print(table)


async def run(rows: int, seconds: float) -> list[Speed]:
    """Run the benchmark on its own stack."""
    async with fresh_site() as site:
        return await measure(site, rows, seconds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.login_checks", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="people with failed logins")
    parser.add_argument("--seconds", type=float, default=4, help="how long at each number of connections")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        uvloop.run(serve_bare(options.bare, options.port))
        return 0
    speeds = uvloop.run(run(options.rows, options.seconds))
    if options.json:
        print(json.dumps([asdict(one) | {"ratio": one.ratio} for one in speeds], indent=2))
    else:
        show(Console(), speeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
