"""The hops one after another: each fills the topic that the next one drains, then the whole chain at once."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from schemas.topics import Topic
from services.demo.population import Population
from services.demo.stream import stream
from tests.bench.load import bodies, gateway, publish_all
from tests.bench.meter import own_seconds, watch
from tests.bench.site import Progress, Site

WORKERS = ("normalizer", "projector", "auditor")
WARM_UP_LOGINS = 1000
SETTLED_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """How much is sent, over how many people, and how long one hop may take."""

    people: int
    events: int
    seconds: float

    def population(self) -> Population:
        """The people of the run."""
        return Population(seed=1, size=self.people, logins_per_person=1)

    def values(self, run: str, count: int) -> list[bytes]:
        """Raw logins of one part of the run, an hour old."""
        start = datetime.now(UTC) - timedelta(hours=1)
        return [record.value for record in stream(self.population(), count, start, run=run, per_second=5000)]


@dataclass(frozen=True)
class Measured:
    """A hop's own figures, before they are held against a ceiling."""

    name: str
    events: int
    per_second: float
    complete: bool
    cpu: dict[str, float] = field(default_factory=dict)


async def warm_up(site: Site, plan: Plan) -> None:
    """A few logins through everything, so that connections are registered; then the workers rest."""
    await site.start_ingest()
    for worker in WORKERS:
        await site.start_worker(worker)
    async with gateway(site.stack.ingest_url, site.token) as client:
        await publish_all(
            client, bodies(plan.values("warm-up", WARM_UP_LOGINS)), time.monotonic() + plan.seconds
        )
    await _settled(site, plan.seconds)
    for worker in WORKERS:
        await site.stop(worker)


async def ingest(site: Site, plan: Plan, values: list[bytes]) -> Measured:
    """Measures ingest; no consumer reads the accepted logins."""
    prepared, cpu, own = bodies(values), site.cpu("ingest"), own_seconds()
    async with gateway(site.stack.ingest_url, site.token) as client:
        started = time.monotonic()
        accepted = await publish_all(client, prepared, started + plan.seconds)
        took = time.monotonic() - started
    spent = cpu.spent() | {"driver": own_seconds() - own}
    return Measured("ingest", accepted, accepted / took, accepted == len(values), spent)


async def drain(site: Site, plan: Plan, worker: str, waiting: int) -> Measured:
    """One worker alone against everything that waits for it; it is stopped afterwards."""
    progress = progress_of(site, worker)
    goal = await progress() + waiting
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(progress, goal, plan.seconds))
        await site.start_worker(worker)
        cpu = site.cpu(worker)
    seen, spent = watching.result(), cpu.spent()
    await site.stop(worker)
    return Measured(worker, seen.done, seen.rate, seen.complete, spent)


async def chain(site: Site, plan: Plan, values: list[bytes]) -> Measured:
    """Everything at once: from the first request until the last login is visible."""
    for worker in WORKERS:
        await site.start_worker(worker)
    await _settled(site, plan.seconds)
    prepared, cpu, own = bodies(values), site.cpu("ingest", *WORKERS), own_seconds()
    base, started = await site.projected(), time.monotonic()
    async with gateway(site.stack.ingest_url, site.token) as client, asyncio.TaskGroup() as group:
        publishing = group.create_task(publish_all(client, prepared, started + plan.seconds))
        seen = await watch(site.projected, base + len(values), plan.seconds)
    spent = cpu.spent() | {"driver": own_seconds() - own}
    took = seen.samples[-1].at - started
    done = min(publishing.result(), seen.done)
    await _settled(site, plan.seconds)
    return Measured("whole chain", done, done / took, seen.complete, spent)


def progress_of(site: Site, worker: str) -> Progress:
    """How far a worker is."""
    return {"normalizer": site.normalized, "projector": site.projected, "auditor": site.audited}[worker]


async def _settled(site: Site, seconds: float) -> None:
    """Wait until views and trail have the whole log, and the log has stopped growing."""
    deadline, known, since = time.monotonic() + seconds, -1, time.monotonic()
    while time.monotonic() < deadline:
        log = await site.normalized()
        if log != known or await site.projected() < log or await site.audited() < log:
            known, since = log, time.monotonic()
        elif log >= await site.written(Topic.LOGINS_RAW) and time.monotonic() - since > SETTLED_SECONDS:
            return
        await asyncio.sleep(0.1)
