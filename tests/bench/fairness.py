"""`python -m tests.bench.fairness`: how a quiet tenant is served while another one does its worst.

Reads, searches, writes, logins and login checks of one tenant are measured alone, then while a second tenant
searches as expensively as it may, sends bodies of too many values and announces bodies that do not come.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote

import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from schemas import exact_json
from services.ingest.documents import LOGIN_CHECKS, LOGINS
from services.ingest.refusals import MAX_BYTES
from tests.bench.crowd import email, fill, user_id
from tests.bench.load import LoadRefused
from tests.bench.meter import Percentiles, percentiles
from tests.bench.searches import search
from tests.bench.site import TENANT, Site, fresh_site
from tests.bench.wire import Wire, request
from tests.raw_logins import make_data, make_event

NOISY: Final = "noisy"
GOAL: Final = 3.0
CONNECTIONS: Final = 2
NOISE: Final = 16
SCOPES: Final = (
    "read:users", "create:users", "update:users", "create:connections", "publish:logins", "check:logins",
)  # fmt: skip
_EXPENSIVE: Final = " AND ".join(f"NOT name:*xyz{number}*" for number in range(30))
_WIDE: Final = b'{"user_metadata":{"a":[' + b",".join([b"[]"] * 330_000) + b"]}}"


@dataclass(frozen=True)
class Fairness:
    """One kind of request of the quiet tenant, alone and beside the noisy one."""

    name: str
    quiet: Percentiles
    beside: Percentiles

    @property
    def ratio(self) -> float:
        """Of the slowest hundredth."""
        return self.beside.p99 / self.quiet.p99


@dataclass(frozen=True)
class Kind:
    """Requests of one kind, and where they go."""

    name: str
    url: str
    requests: Sequence[bytes]
    expected: int


async def timed(kind: Kind, seconds: float) -> Percentiles:
    """Latency of a few connections that ask one thing after the other. Raises LoadRefused."""
    clock, taken = asyncio.get_running_loop().time, list[float]()
    end = clock() + seconds

    async def one(place: int) -> None:
        wire = await Wire.open(kind.url)
        while (started := clock()) < end:
            status, body = await wire.ask(kind.requests[place % len(kind.requests)])
            if status != kind.expected:
                raise LoadRefused(f"{kind.name}: {status} {body[:200]!r}")
            taken.append(clock() - started)
            place += CONNECTIONS
        wire.close()

    await asyncio.gather(*(one(place) for place in range(CONNECTIONS)))
    return percentiles(taken)


@asynccontextmanager
async def noise(management: str, ingest: str, token: str) -> AsyncIterator[None]:
    """The noisy tenant at work; what it is answered does not matter."""
    searching = request("GET", search(q=_EXPENSIVE), token)
    widening = request("PATCH", f"/api/v2/users/{quote(user_id(1), safe='')}", token, _WIDE)

    async def insist(sent: bytes) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                wire = await Wire.open(management)
                while True:
                    status, _ = await wire.ask(sent)
                    if status == 429:
                        await asyncio.sleep(0.05)

    async def stall() -> None:
        announced = request("POST", LOGINS, token, b"").replace(b": 0\r", b": %d\r" % MAX_BYTES)
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                wire = await Wire.open(ingest)
                await wire.ask(announced + b" " * 2_000_000)
                wire.close()

    tasks = [asyncio.create_task(insist(searching)) for _ in range(NOISE)]
    tasks += [asyncio.create_task(insist(widening)) for _ in range(2)]
    tasks += [asyncio.create_task(stall()) for _ in range(NOISE)]
    try:
        await asyncio.sleep(1)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def kinds(management: str, ingest: str, token: str, people: int) -> list[Kind]:
    """What the quiet tenant asks for."""
    users = [f"/api/v2/users/{quote(user_id(number), safe='')}" for number in range(people)][:1000]
    found = [search(q=f'email:"{email(number)}" OR app_metadata.seats:{number}') for number in range(500)]
    created = [
        exact_json.dumps({"connection": "email", "email": f"quiet-{number}@example.org"})
        for number in range(5000)
    ]
    logins = [
        exact_json.dumps(make_event(id=f"q{number}", data=make_data(claims={"sub": f"q{number}"})))
        for number in range(1000)
    ]
    checks = [exact_json.dumps({"ip": "192.0.2.1", "identifier": email(number)}) for number in range(1000)]
    return [
        Kind("read", management, [request("GET", path, token) for path in users], 200),
        Kind("search", management, [request("GET", path, token) for path in found], 200),
        Kind("write", management, [request("POST", "/api/v2/users", token, body) for body in created], 201),
        Kind("login", ingest, [request("POST", LOGINS, token, body) for body in logins], 202),
        Kind("check", ingest, [request("POST", LOGIN_CHECKS, token, body) for body in checks], 200),
    ]


async def measure(site: Site, people: int, seconds: float) -> list[Fairness]:
    """Each kind alone, then each beside the noise; writes go on with people not made before."""
    async with site.pool.acquire() as connection:
        await connection.execute("INSERT INTO ledger.tenant (name, display_name) VALUES ($1, $1)", NOISY)
        for tenant in (TENANT, NOISY):
            await fill(connection, tenant, people)
    await site.start_worker("projector")
    await site.start_management()
    await site.start_ingest()
    management, ingest = site.stack.management_url, site.stack.ingest_url
    token, hostile = [await site.issue_token(SCOPES, f"{management}/", tenant) for tenant in (TENANT, NOISY)]
    wire = await Wire.open(management)
    body = exact_json.dumps({"name": "email", "strategy": "email"})
    await wire.ask(request("POST", "/api/v2/connections", token, body))
    wire.close()
    asked = kinds(management, ingest, token, people)
    for kind in asked:
        if kind.name != "write":
            await timed(kind, 1.0)
    quiet = [await timed(_half(kind, 0), seconds) for kind in asked]
    async with noise(management, ingest, hostile):
        beside = [await timed(_half(kind, 1), seconds) for kind in asked]
    return [Fairness(kind.name, *both) for kind, *both in zip(asked, quiet, beside, strict=True)]


def _half(kind: Kind, which: int) -> Kind:
    return Kind(kind.name, kind.url, kind.requests[which::2], kind.expected)


def show(console: Console, found: Sequence[Fairness]) -> None:
    """A line for each kind."""
    table = Table(title="one tenant beside a noisy one", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("what", "alone p50 ms", "p99 ms", "beside p50 ms", "p99 ms", "p99 ratio", "goal"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for one in found:
        times = (one.quiet.p50, one.quiet.p99, one.beside.p50, one.beside.p99)
        goal = "within 3" if one.ratio <= GOAL else "missed"
        table.add_row(one.name, *(f"{value:.1f}" for value in times), f"{one.ratio:.1f}", goal)
    console.print(table)


async def run(people: int, seconds: float) -> list[Fairness]:
    """The whole bench, on a stack of its own."""
    async with fresh_site() as site:
        return await measure(site, people, seconds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fairness", description=__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="people of each tenant")
    parser.add_argument("--seconds", type=float, default=5, help="how long each kind is asked for, twice")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    found = uvloop.run(run(options.people, options.seconds))
    if options.json:
        print(json.dumps([asdict(one) | {"ratio": one.ratio} for one in found], indent=2))
    else:
        show(Console(), found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
