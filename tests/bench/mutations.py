"""`python -m tests.bench.mutations`: changes a second through the Management API, each answered only when the
view shows it, held against the bare minimum of such a change.

The minimum: one record appended to Kafka and acknowledged, then one row committed to PostgreSQL, by as many
at once. One process of the Management API serves, one projector projects. What is measured begins warm: a
fresh broker runs its first thousands of requests interpreted.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from rich import box
from rich.console import Console
from rich.table import Table

from schemas.formats import exact_json
from schemas.topics import Topic
from tests.bench.meter import Percentiles, percentiles
from tests.bench.site import Site, fresh_site
from tests.bench.wire import Wire, request

CONNECTION: Final = "email"
CONNECTIONS: Final = 32
T = TypeVar("T")


class NotShown(Exception):
    """A change was not answered with what it changed."""


@dataclass(frozen=True)
class Speed:
    """Changes of one kind at a number of connections."""

    name: str
    connections: int
    per_second: float
    latency: Percentiles


async def measure(site: Site, connections: int, seconds: float) -> list[Speed]:
    """Creates people for so long, then changes their metadata; what is answered is checked."""
    await site.start_worker("projector")
    await site.start_management()
    url, token = site.stack.management_url, site.token
    users: list[str] = []

    async def create(wire: Wire, number: int) -> None:
        sent = {"connection": CONNECTION, "email": f"person-{len(users)}-{number}@example.com"}
        shown = await _checked(wire, "POST", "/api/v2/users", token, sent, 201)
        users.append(quote(shown["user_id"], safe=""))

    async def update(wire: Wire, number: int) -> None:
        target = f"/api/v2/users/{users[number % len(users)]}"
        shown = await _checked(wire, "PATCH", target, token, {"user_metadata": {"number": number}}, 200)
        if shown["user_metadata"]["number"] != number:
            raise NotShown(shown["user_metadata"])

    wires = [await Wire.open(url) for _ in range(connections)]
    try:
        # a passwordless connection: creating its users costs no password hash
        body = {"name": CONNECTION, "strategy": "email"}
        await _checked(wires[0], "POST", "/api/v2/connections", token, body, 201)
        await _speed("warm up", wires, create, seconds / 2)
        speeds = [await _speed("create a user", wires, create, seconds)]
        speeds.append(await _speed("update a user", wires, update, seconds))
    finally:
        for wire in wires:
            wire.close()
    return [*speeds, await _least(site, connections, seconds)]


async def _checked(
    wire: Wire, method: str, target: str, token: str, body: dict[str, Any], status: int
) -> dict[str, Any]:
    found, answer = await wire.ask(request(method, target, token, exact_json.dumps(body)))
    if found != status:
        raise NotShown(f"{found} instead of {status}: {answer[:300]!r}")
    shown: dict[str, Any] = exact_json.loads(answer)
    return shown


async def _speed(
    name: str, hands: Sequence[T], act: Callable[[T, int], Awaitable[None]], seconds: float
) -> Speed:
    numbers, taken = iter(range(1 << 40)), []
    began = time.perf_counter()

    async def work(hand: T) -> None:
        while (started := time.perf_counter()) < began + seconds:
            await act(hand, next(numbers))
            taken.append(time.perf_counter() - started)

    async with asyncio.TaskGroup() as group:
        for hand in hands:
            group.create_task(work(hand))
    return Speed(name, len(hands), len(taken) / (time.perf_counter() - began), percentiles(taken))


async def _least(site: Site, connections: int, seconds: float) -> Speed:
    producer = AIOKafkaProducer(**site.kafka.arguments(), acks="all", enable_idempotence=True)
    database = site.stack.admin_database_url
    async with producer, asyncpg.create_pool(database, min_size=8, max_size=8) as pool:
        await pool.execute("CREATE TABLE IF NOT EXISTS bench_row (number bigint PRIMARY KEY, text text)")

        async def act(_hand: int, number: int) -> None:
            topic = Topic.PROFILE_EVENTS_DLQ.value
            await producer.send_and_wait(topic, b"x" * 1000, key=b"%d" % number)
            await pool.execute("INSERT INTO bench_row VALUES ($1, $2)", number, "x" * 1000)

        return await _speed("append a record, commit a row", range(connections), act, seconds)


def show(console: Console, speeds: list[Speed]) -> None:
    """A line for each kind, with its ratio to the minimum."""
    table = Table(title="changes, answered when visible", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what")
    for name in ("connections", "a second", "p50 ms", "p95 ms", "p99 ms", "ratio"):
        table.add_column(name, justify="right")
    for one in speeds:
        times = (f"{value:.1f}" for value in (one.latency.p50, one.latency.p95, one.latency.p99))
        ratio = f"{one.per_second / speeds[-1].per_second:.2f}"
        table.add_row(one.name, str(one.connections), f"{one.per_second:,.0f}", *times, ratio)
    console.print(table)


async def run(connections: int, seconds: float) -> list[Speed]:
    """Run the benchmark on its own stack."""
    async with fresh_site() as site:
        return await measure(site, connections, seconds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mutations", description=__doc__)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="requests at once")
    parser.add_argument("--seconds", type=float, default=10, help="how long each kind is done")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    speeds = uvloop.run(run(options.connections, options.seconds))
    if options.json:
        print(json.dumps([asdict(one) for one in speeds], indent=2))
    else:
        show(Console(), speeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
