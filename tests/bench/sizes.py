"""The ceilings of this run: measured with the very records and rows that the hops have just produced."""

from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import Topic, catalogue
from tests.bench import ceilings
from tests.bench.ceilings import one_after_another
from tests.bench.hops import Measured
from tests.bench.report import Ceiling, Hop
from tests.bench.site import Site

SAMPLE = 30_000
TRIES = 3
PROFILE_COLUMNS = (
    "tenant text, subject text, user_id text, revision bigint, document text, memory text, secrets bytea"
)
PROFILE_TYPES = ("text", "text", "text", "bigint", "text", "text", "bytea")
LEAF_COLUMNS = (
    "partition integer, leaf_index bigint, log_offset bigint, hash bytea,"
    " tenant text, subject text, type text, time timestamptz"
)
LEAF_TYPES = ("integer", "bigint", "bigint", "bytea", "text", "text", "text", "timestamptz")
PARTS = {
    "ingest": ("produce logins",),
    "normalizer": ("consume logins", "produce events"),
    "projector": ("consume events", "upsert profile rows"),
    "auditor": ("consume events", "insert leaf rows"),
}
WHOLE_CHAIN = tuple(part for parts in PARTS.values() for part in parts)


async def measure(site: Site) -> list[Ceiling]:
    """Produce and consume for both topics, upserts for profile rows and leaves."""
    found = []
    for topic, name in ((Topic.LOGINS_RAW, "logins"), (Topic.PROFILE_EVENTS, "events")):
        values = await _records(site, topic)
        size, scratch = sum(map(len, values)) // len(values), f"bench.{name}"
        produced = await _best(lambda s=scratch, v=values: ceilings.produce(site.kafka, s, v))
        consumed = await _best(lambda s=scratch, v=values: ceilings.consume(site.kafka, s, len(v)))
        found += [Ceiling(f"produce {name}", produced, size), Ceiling(f"consume {name}", consumed, size)]
    return [*found, await _profiles(site), await _leaves(site)]


def against(measured: Measured, ceilings: list[Ceiling]) -> Hop:
    """A hop held against what the bare parts of the same work reach."""
    rates = {ceiling.name: ceiling.per_second for ceiling in ceilings}
    parts = PARTS.get(measured.name, WHOLE_CHAIN)
    label = "all of these in turn" if parts is WHOLE_CHAIN else ", then ".join(parts)
    ceiling = one_after_another(*(rates[part] for part in parts))
    return Hop(
        measured.name, measured.events, measured.per_second, ceiling, label, measured.cpu, measured.complete
    )


async def _profiles(site: Site) -> Ceiling:
    rows = await site.pool.fetch(
        "SELECT tenant, subject, user_id, revision, document, memory, secrets FROM views.profile LIMIT $1",
        SAMPLE // 2,
    )
    twice = [tuple(row) for row in rows] * 2
    async with site.pool.acquire() as connection:
        rate = await _best(
            lambda: ceilings.upsert(connection, PROFILE_COLUMNS, PROFILE_TYPES, "tenant, subject", twice)
        )
    return Ceiling("upsert profile rows", rate, _bytes(twice))


async def _leaves(site: Site) -> Ceiling:
    names = "partition, leaf_index, log_offset, hash, tenant, subject, type, time"
    rows = [tuple(row) for row in await site.pool.fetch(f"SELECT {names} FROM trail.leaf LIMIT $1", SAMPLE)]
    async with site.pool.acquire() as connection:
        rate = await _best(
            lambda: ceilings.upsert(connection, LEAF_COLUMNS, LEAF_TYPES, "partition, leaf_index", rows)
        )
    return Ceiling("insert leaf rows", rate, _bytes(rows))


async def _records(site: Site, topic: Topic) -> list[bytes]:
    """Up to SAMPLE records from the beginning of a topic."""
    wanted = min(SAMPLE, await site.written(topic))
    consumer = AIOKafkaConsumer(
        **site.kafka.arguments(), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign(
            [TopicPartition(topic.value, number) for number in range(catalogue()[topic].partitions)]
        )
        values: list[bytes] = []
        while len(values) < wanted:
            batches = await consumer.getmany(timeout_ms=1000, max_records=5000)
            values += [record.value for records in batches.values() for record in records]
        return values[:wanted]
    finally:
        await consumer.stop()


async def _best(once: Callable[[], Awaitable[float]]) -> float:
    """A ceiling is what can be reached: the best of a few tries."""
    return max([await once() for _ in range(TRIES)])


def _bytes(rows: list[ceilings.Row]) -> int:
    sizes = (
        len(cell) if isinstance(cell, str | bytes) else 8 for row in rows for cell in row if cell is not None
    )
    return sum(sizes) // max(1, len(rows))
