"""`python -m tests.bench.fairness`: how a quiet tenant is served while another one does its worst.

Reads, searches, writes, logins and login checks of one tenant are measured alone; beside processes that ask
nothing and use as much of the processors as making the noise does; beside such that use as much as making
and answering it; and beside the noise. The generator shares the machine with the services, so the goal is
about the last against the second; the last against the third is what the services' queues add to a machine
that is that busy. All are measured in turn, several times, and the median round counts.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median
from typing import Final
from urllib.parse import quote

import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from schemas.formats import exact_json
from services.ingest.documents import LOGIN_CHECKS, LOGINS
from tests.bench import noise
from tests.bench.crowd import email, fill, user_id
from tests.bench.load import LoadRefused
from tests.bench.meter import CpuMeter, Percentiles, percentiles
from tests.bench.searches import USERS, search
from tests.bench.site import TENANT, Site, fresh_site
from tests.bench.wire import Wire, request
from tests.samples.raw_logins import make_data, make_event

NOISY: Final = "noisy"
GOAL: Final = 3.0
CONNECTIONS: Final = 2
PAUSE_SECONDS: Final = 0.02
"""Between two requests of a connection: the quiet tenant asks often, and is not a load by itself."""
SETTLE_SECONDS: Final = 0.5
CALIBRATION_SECONDS: Final = 3.0
SCOPES: Final = (
    "read:users", "create:users", "update:users", "create:connections", "publish:logins", "check:logins",
)  # fmt: skip
SERVICES: Final = ("management", "ingest", "projector")


@dataclass(frozen=True)
class Fairness:
    """One kind of request of the quiet tenant: alone, beside as much work as making the noise is, beside as
    much as making and answering it is, and beside the noise."""

    name: str
    alone: Percentiles
    making: Percentiles
    whole: Percentiles
    noise: Percentiles

    @property
    def ratio(self) -> float:
        """Of the slowest hundredth, to what it is beside the making of the noise."""
        return self.noise.p99 / self.making.p99

    @property
    def beyond_the_machine(self) -> float:
        """The ratio to the latency beside an equal load outside of the service, which shows what the
        service's own queues add."""
        return self.noise.p99 / self.whole.p99


@dataclass(frozen=True)
class Found:
    """All kinds, and the share of a processor that each process used during the noise."""

    kinds: Sequence[Fairness]
    processors: Mapping[str, float]


@dataclass(frozen=True)
class Kind:
    """Requests of one kind, and where they go."""

    name: str
    url: str
    requests: Sequence[bytes]
    expected: int

    def part(self, which: int, of: int) -> "Kind":
        """The requests of one of several runs; each write is sent once only."""
        return Kind(self.name, self.url, self.requests[which::of], self.expected)


async def timed(kind: Kind, seconds: float) -> Percentiles:
    """Latency of a few connections that ask one thing after the other. Raises LoadRefused."""
    taken = list[float]()
    end = time.perf_counter() + seconds

    async def one(place: int) -> None:
        wire = await Wire.open(kind.url)
        while (started := time.perf_counter()) < end:
            status, body = await wire.ask(kind.requests[place % len(kind.requests)])
            if status != kind.expected:
                raise LoadRefused(f"{kind.name}: {status} {body[:200]!r}")
            taken.append(time.perf_counter() - started)
            place += CONNECTIONS
            await asyncio.sleep(PAUSE_SECONDS)
        wire.close()

    await asyncio.gather(*(one(place) for place in range(CONNECTIONS)))
    return percentiles(taken)


def kinds(management: str, ingest: str, token: str, people: int) -> list[Kind]:
    """What the quiet tenant asks for."""
    users = [f"{USERS}/{quote(user_id(number), safe='')}" for number in range(people)][:1000]
    found = [search(q=f'email:"{email(number)}" OR app_metadata.seats:{number}') for number in range(500)]
    created = [
        exact_json.dumps({"connection": noise.CONNECTION, "email": f"quiet-{number}@example.org"})
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
        Kind("write", management, [request("POST", USERS, token, body) for body in created], 201),
        Kind("login", ingest, [request("POST", LOGINS, token, body) for body in logins], 202),
        Kind("check", ingest, [request("POST", LOGIN_CHECKS, token, body) for body in checks], 200),
    ]


async def measure(site: Site, people: int, seconds: float, rounds: int, noises: Sequence[str]) -> Found:
    """Each kind beside nothing, beside work and beside the noise, in turn and again; writes go on with people
    not made before."""
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
    body = exact_json.dumps({"name": noise.CONNECTION, "strategy": "email"})
    for of_tenant in (token, hostile):
        await wire.ask(request("POST", "/api/v2/connections", of_tenant, body))
    wire.close()
    asked = kinds(management, ingest, token, people)
    for kind in asked:
        if kind.name != "write":
            await timed(kind, 1.0)
    places = ("--management", management, "--ingest", ingest, "--kinds", *noises)
    async with AsyncExitStack() as opened:
        noisy = await opened.enter_async_context(noise.beside(*places, token=hostile))
        used = await _processors(site, noisy)
        making = [await opened.enter_async_context(noise.burning(share)) for share in _split(used["noise"])]
        whole = [
            await opened.enter_async_context(noise.burning(share)) for share in _split(sum(used.values()))
        ]
        running = ((), making, whole, (noisy,))
        _signal(signal.SIGSTOP, *making, *whole, noisy)
        windows = [
            await _window(kind, seconds, running, place, rounds) for place in range(rounds) for kind in asked
        ]
    found = [
        Fairness(kind.name, *map(typical, zip(*windows[at :: len(asked)], strict=True)))
        for at, kind in enumerate(asked)
    ]
    return Found(found, used)


def _split(processors: float) -> list[float]:
    """So much of the processors by processes of which each uses one at most."""
    count = ceil(processors)
    return [processors / count] * count if count else []


def _signal(number: signal.Signals, *pids: int) -> None:
    for pid in pids:
        os.kill(pid, number)


async def _processors(site: Site, noisy: int) -> dict[str, float]:
    """The share of a processor that each process uses during the noise."""
    await asyncio.sleep(SETTLE_SECONDS)
    meter, own, began = site.cpu(*SERVICES), CpuMeter({"noise": noisy}), time.perf_counter()
    await asyncio.sleep(CALIBRATION_SECONDS)
    elapsed = time.perf_counter() - began
    return {name: spent / elapsed for name, spent in (meter.spent() | own.spent()).items()}


async def _window(
    kind: Kind, seconds: float, running: Sequence[Sequence[int]], place: int, rounds: int
) -> list[Percentiles]:
    """A kind beside each of these groups of processes, which go on meanwhile."""
    found = []
    for which, group in enumerate(running):
        _signal(signal.SIGCONT, *group)
        await asyncio.sleep(SETTLE_SECONDS)
        part = kind.part(place * len(running) + which, rounds * len(running))
        found.append(await timed(part, seconds))
        _signal(signal.SIGSTOP, *group)
    return found


def typical(rounds: Sequence[Percentiles]) -> Percentiles:
    """The median of each figure: a round in which the machine had something else to do does not count."""
    p50, p95, p99 = (median(getattr(one, name) for one in rounds) for name in ("p50", "p95", "p99"))
    return Percentiles(p50, p95, p99, sum(one.count for one in rounds))


def show(console: Console, found: Found) -> None:
    """A line for each kind, and what the processors were used for."""
    title = (
        "a tenant alone, beside as much work as making and all of the noise are, beside it: p50 and p99, ms"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("what", "alone", "", "making", "", "all", "", "noise", "", "to making", "to all"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for one in found.kinds:
        sets = (one.alone, one.making, one.whole, one.noise)
        times = (f"{figure:.1f}" for each in sets for figure in (each.p50, each.p99))
        missed = "" if one.ratio <= GOAL else f" (goal {GOAL:.0f})"
        table.add_row(one.name, *times, f"{one.ratio:.1f}{missed}", f"{one.beyond_the_machine:.1f}")
    console.print(table)
    shares = ", ".join(f"{name} {share:.2f}" for name, share in found.processors.items())
    console.print(f"processors used during the noise, of {os.cpu_count()}: {shares}", highlight=False)


async def run(people: int, seconds: float, rounds: int, noises: Sequence[str]) -> Found:
    """Run the benchmark on its own stack."""
    async with fresh_site() as site:
        return await measure(site, people, seconds, rounds, noises)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fairness", description=__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="people of each tenant")
    parser.add_argument("--seconds", type=float, default=1, help="how long each kind is asked for, each time")
    parser.add_argument("--rounds", type=int, default=5, help="how many times; the median counts")
    parser.add_argument("--noise", nargs="+", choices=list(noise.KINDS), default=list(noise.KINDS))
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    found = uvloop.run(run(options.people, options.seconds, options.rounds, options.noise))
    if options.json:
        kinds = [
            asdict(one) | {"ratio": one.ratio, "beyond_the_machine": one.beyond_the_machine}
            for one in found.kinds
        ]
        print(json.dumps({"kinds": kinds, "processors": dict(found.processors)}, indent=2))
    else:
        show(Console(), found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
