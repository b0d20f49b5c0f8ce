"""How long an accepted login takes to become visible, at a steady load."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from services.demo.population import Population, plain_user_id
from services.demo.stream import always_fails, stream
from tests.bench.load import TICK_SECONDS, LoadRefused, post
from tests.bench.meter import percentiles
from tests.bench.report import Latency
from tests.bench.site import TENANT

POLL_SECONDS = 0.005
PATIENCE_SECONDS = 10.0
_VISIBLE = """
    SELECT asked.number FROM unnest($2::int[], $3::text[], $4::text[]) AS asked (number, user_id, time)
    JOIN views.profile AS p ON p.tenant = $1 AND p.user_id = asked.user_id
    WHERE p.document::json ->> 'last_login' >= asked.time
"""


@dataclass(frozen=True)
class Parcel:
    """One request: its body, and the login in it that is watched for."""

    count: int
    body: bytes
    user_id: str
    time: str


@dataclass
class Watch:
    """Which parcels were accepted when, and how long each took to be seen."""

    outstanding: dict[int, tuple[Parcel, float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    sending: bool = True


def parcels(population: Population, rate: float, seconds: float, start: datetime) -> Iterator[Parcel]:
    """One request per tick, each with one person to look for whose `user_id` is known beforehand."""
    per_tick = max(1, round(rate * TICK_SECONDS))
    records = stream(population, round(rate * seconds), start, run="latency", per_second=max(1, round(rate)))
    batch: list[bytes] = []
    probe: tuple[str, str] | None = None
    for number, record in enumerate(records):
        batch.append(record.value)
        person = population.member(number % population.size)
        user_id = None if always_fails(person) else plain_user_id(person, person.connections[0])
        if user_id is not None:
            at = start + timedelta(milliseconds=number * 1000 // max(1, round(rate)))
            probe = user_id, at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if len(batch) >= per_tick and probe is not None:
            yield Parcel(len(batch), b"\n".join(batch), *probe)
            batch, probe = [], None


async def measure(
    client: httpx.AsyncClient, pool: asyncpg.Pool, population: Population, rate: float, seconds: float
) -> Latency:
    """Send at this rate for so long, watching one login of each request until the views show it."""
    start = datetime.now(UTC).replace(microsecond=0)
    prepared = list(parcels(population, rate, seconds, start))
    watch, began = Watch(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(_look(pool, watch))
        async with asyncio.TaskGroup() as sending:
            for number, parcel in enumerate(prepared):
                await asyncio.sleep(max(0.0, began + number * TICK_SECONDS - time.monotonic()))
                sending.create_task(_send(client, number, parcel, watch))
        took = time.monotonic() - began
        watch.sending = False
    if not watch.seconds:
        raise LoadRefused("no login became visible while latency was measured")
    sent = sum(parcel.count for parcel in prepared)
    return Latency(sent / took, took, percentiles(watch.seconds), len(watch.outstanding))


async def _send(client: httpx.AsyncClient, number: int, parcel: Parcel, watch: Watch) -> None:
    watch.outstanding[number] = parcel, await post(client, parcel.count, parcel.body)


async def _look(pool: asyncpg.Pool, watch: Watch) -> None:
    async with pool.acquire() as connection:
        query = await connection.prepare(_VISIBLE)
        last = time.monotonic()
        while watch.sending or (watch.outstanding and time.monotonic() - last < PATIENCE_SECONDS):
            await asyncio.sleep(POLL_SECONDS)
            if await _look_once(query, watch):
                last = time.monotonic()


async def _look_once(query: asyncpg.prepared_stmt.PreparedStatement, watch: Watch) -> bool:
    asked = dict(watch.outstanding)
    if not asked:
        return watch.sending
    user_ids = [parcel.user_id for parcel, _ in asked.values()]
    times = [parcel.time for parcel, _ in asked.values()]
    seen = [row["number"] for row in await query.fetch(TENANT, list(asked), user_ids, times)]
    now = time.monotonic()
    for number in seen:
        watch.seconds.append(now - watch.outstanding.pop(number)[1])
    return bool(seen) or watch.sending
