"""Asks the broker and the database at the same time; what does not answer is reported, never raised."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.topics import Topic
from services.cli import addresses
from services.cli.status.health import (
    MOST_LETTERS,
    Beats,
    Health,
    Letters,
    Offsets,
    Part,
    State,
    TopicExtent,
    progress,
    services,
    workers,
)
from services.runtime.addresses import words_of_tls
from services.runtime.kafka.access import KafkaAccess
from services.runtime.postgres.named_queries import load

ANSWER_SECONDS: Final = 5.0
_TOPICS: Final = (Topic.LOGINS_RAW, Topic.PROFILE_EVENTS)


@dataclass(frozen=True, slots=True)
class Where:
    """What to look at."""

    kafka: KafkaAccess
    database_url: str = field(repr=False)
    topic_prefix: str
    service_urls: Mapping[str, str]

    def topic(self, topic: Topic) -> str:
        """A topic's physical name."""
        return addresses.topic(self.topic_prefix, topic)

    @property
    def normalizer_group(self) -> str:
        """Whose committed offsets are the normalizer's position."""
        return f"{self.topic_prefix}vita-normalizer"


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """What the database knows."""

    part: Part
    beats: Beats | None = None
    projected: Offsets | None = None
    audited: Offsets | None = None
    letters: Sequence[Letters] = ()


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker knows."""

    part: Part
    extents: Mapping[Topic, TopicExtent] = field(default_factory=dict)
    normalized: Offsets | None = None


async def look(where: Where, most_letters: int = MOST_LETTERS) -> Health:
    """Everything as it is now."""
    database, broker, answers = await asyncio.gather(_database(where), _broker(where), _services(where))
    raw, events = broker.extents.get(Topic.LOGINS_RAW), broker.extents.get(Topic.PROFILE_EVENTS)
    known = {
        "normalizer": progress(broker.normalized, raw),
        "projector": progress(database.projected, events),
        "auditor": progress(database.audited, events),
    }
    beats = database.beats
    return Health(
        workers(beats, known, is_gone),
        services(beats, answers, is_gone),
        broker.part,
        database.part,
        database.letters,
        most_letters,
    )


def is_gone(host: str, pid: int) -> bool:
    """Whether a process of this machine has ended: its last sign of life may be a few seconds old."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except ProcessLookupError:
        return True
    return _is_unreaped(pid)


def _is_unreaped(pid: int) -> bool:
    """Whether the process has ended and its parent has not asked for its exit code yet, where that shows."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


async def _services(where: Where) -> dict[str, State]:
    verify = addresses.trusted(*where.service_urls.values())
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, verify=verify) as client:
        states = await asyncio.gather(*(_service(client, url) for url in where.service_urls.values()))
    return dict(zip(where.service_urls, states, strict=True))


async def _service(client: httpx.AsyncClient, url: str) -> State:
    try:
        response = await client.get(f"{url}/healthz")
    except httpx.TransportError:
        return "down"
    return "up" if response.is_success else "degraded"


async def _database(where: Where) -> DatabaseView:
    parts = urlsplit(where.database_url)
    address, started = f"{parts.netloc.rpartition('@')[2]}{parts.path}", time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await asyncpg.connect(where.database_url)
            try:
                return await _read_ledger(connection, where, address, started)
            finally:
                connection.terminate()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return DatabaseView(Part("down", address, error=_words(error)))


async def _read_ledger(
    connection: asyncpg.Connection, where: Where, address: str, started: float
) -> DatabaseView:
    beats = await connection.fetch(load("services.cli")["heartbeats"])
    topic = where.topic(Topic.PROFILE_EVENTS)
    projected = await connection.fetch(load("services.cli")["projector_positions"], topic)
    audited = await connection.fetch(load("projections.trail")["newest_appends_everywhere"])
    counts = await connection.fetch(load("services.cli")["dead_letter_counts"])
    letters = [Letters(r["reason"], r["total"], r["last_day"], r["oldest"], r["newest"]) for r in counts]
    version = connection.get_server_version()
    part = Part("up", address, _since(started), f"PostgreSQL {version.major}.{version.micro}")
    return DatabaseView(part, beats, _offsets(projected), _offsets(audited), letters)


async def _broker(where: Where) -> BrokerView:
    started = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            admin = AIOKafkaAdminClient(**where.kafka.arguments())
            try:
                await admin.start()
                return await _read_broker(admin, where, started)
            finally:
                await admin.close()
    except (KafkaError, OSError, TimeoutError) as error:
        return BrokerView(Part("down", where.kafka.bootstrap, error=_words(error)))


async def _read_broker(admin: AIOKafkaAdminClient, where: Where, started: float) -> BrokerView:
    nodes = len((await admin.describe_cluster())["brokers"])
    answered = _since(started)
    names = [where.topic(topic) for topic in _TOPICS]
    partitions = {
        one["topic"]: [part["partition"] for part in one["partitions"]]
        for one in await admin.describe_topics(names)
    }
    if missing := [name for name in names if not partitions.get(name)]:
        error = f"no topic {', '.join(missing)}: run `vita up`, or look at VITA_TOPIC_PREFIX"
        return BrokerView(Part("down", where.kafka.bootstrap, answered, _nodes(nodes), error))
    extents = await _extents(where, partitions)
    committed = await admin.list_consumer_group_offsets(where.normalizer_group)
    raw = where.topic(Topic.LOGINS_RAW)
    normalized = {
        place.partition: meta.offset
        for place, meta in committed.items()
        if place.topic == raw and meta.offset >= 0
    }
    return BrokerView(Part("up", where.kafka.bootstrap, answered, _nodes(nodes)), extents, normalized)


async def _extents(where: Where, partitions: Mapping[str, Sequence[int]]) -> dict[Topic, TopicExtent]:
    consumer = AIOKafkaConsumer(**where.kafka.arguments(), enable_auto_commit=False)
    await consumer.start()
    try:
        every = [TopicPartition(name, number) for name, numbers in partitions.items() for number in numbers]
        begins, ends = await consumer.beginning_offsets(every), await consumer.end_offsets(every)
    finally:
        await consumer.stop()
    return {
        topic: TopicExtent(_of(begins, where.topic(topic)), _of(ends, where.topic(topic)))
        for topic in _TOPICS
    }


def _of(offsets: Mapping[TopicPartition, int], topic: str) -> Offsets:
    return {place.partition: offset for place, offset in offsets.items() if place.topic == topic}


def _offsets(rows: Sequence[Mapping[str, Any]]) -> Offsets:
    return {row["partition"]: row["next_offset"] for row in rows}


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _nodes(count: int) -> str:
    return f"Kafka, {count} broker{'' if count == 1 else 's'}"


def _words(error: BaseException) -> str:
    if (tls := words_of_tls(error)) is not None:
        return tls
    match error:
        case TimeoutError():
            return f"no answer within {ANSWER_SECONDS:.0f} s"
        case ConnectionRefusedError() | KafkaConnectionError():
            return "nobody listens there"
        case _:
            return type(error).__name__
