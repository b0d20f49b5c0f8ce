"""Probes the broker, the database and the services concurrently. A failed probe is reported, never raised."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from deploy.local.state import StateFolder
from deploy.local.supervisor import read_supervision
from schemas.topics import Topic
from services.cli import addresses
from services.cli.status.health import (
    MOST_LETTERS,
    Component,
    DeadLetterCount,
    GenerationStatus,
    Heartbeats,
    Offsets,
    StackHealth,
    State,
    SupervisedProcess,
    SupervisorHealth,
    TopicExtent,
    progress,
    services,
    with_metrics,
    workers,
)
from services.ledger.dead_letters import count_dead_letters
from services.ledger.progress.generations import list_generations
from services.ledger.progress.heartbeats import list_beats
from services.ledger.progress.positions import applied_positions
from services.ledger.repairs import SelfCheck, self_check_summary
from services.queries.history import audited_offsets
from services.runtime.addresses import words_of_tls
from services.runtime.kafka.access import KafkaAccess
from services.runtime.postgres.pool import DatabaseConnection

ANSWER_SECONDS: Final = 5.0
_TOPICS: Final = (Topic.LOGINS_RAW, Topic.PROFILE_EVENTS)


@dataclass(frozen=True, slots=True)
class ProbeTargets:
    """The addresses to probe."""

    kafka: KafkaAccess
    database_url: str = field(repr=False)
    topic_prefix: str
    service_urls: Mapping[str, str]
    metrics_urls: Mapping[str, str] = field(default_factory=dict)
    state_dir: Path | None = None
    """The state folder of the local stack; None for another installation."""

    def topic(self, topic: Topic) -> str:
        """Return the physical name of a topic."""
        return addresses.topic(self.topic_prefix, topic)

    @property
    def normalizer_group(self) -> str:
        """The consumer group whose committed offsets are the normalizer's position."""
        return f"{self.topic_prefix}vita-normalizer"


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """The result of the database's probe; everything but `part` is empty if it does not answer."""

    part: Component
    beats: Heartbeats | None = None
    projected: Offsets | None = None
    audited: Offsets | None = None
    letters: Sequence[DeadLetterCount] = ()
    generations: Sequence[GenerationStatus] = field(default=(), kw_only=True)
    check: SelfCheck | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """The result of the broker's probe; everything but `part` is empty if it does not answer."""

    part: Component
    extents: Mapping[Topic, TopicExtent] = field(default_factory=dict)
    normalized: Offsets | None = None


async def probe(targets: ProbeTargets, most_letters: int = MOST_LETTERS) -> StackHealth:
    """Probe all targets and return the health of the stack."""
    database, broker, answers = await asyncio.gather(_database(targets), _broker(targets), _services(targets))
    raw, events = broker.extents.get(Topic.LOGINS_RAW), broker.extents.get(Topic.PROFILE_EVENTS)
    known = {
        "normalizer": progress(broker.normalized, raw),
        "projector": progress(database.projected, events),
        "auditor": progress(database.audited, events),
    }
    beats = database.beats
    return StackHealth(
        with_metrics(workers(beats, known, is_gone), targets.metrics_urls),
        with_metrics(services(beats, answers, is_gone), targets.metrics_urls),
        broker.part,
        database.part,
        database.letters,
        most_letters,
        generations=database.generations,
        check=database.check,
        supervisor=None if targets.state_dir is None else _supervisor(targets.state_dir),
    )


def _supervisor(state_dir: Path) -> SupervisorHealth | None:
    supervision = read_supervision(StateFolder(state_dir))
    if supervision is None:
        return None
    processes = [
        SupervisedProcess(
            name,
            one["state"],
            one["restarts"],
            None if one["restarted_at"] is None else datetime.fromisoformat(one["restarted_at"]),
            None if one["line"] is None else f"{one['log']}:{one['line']}",
        )
        for name, one in supervision.processes.items()
    ]
    return SupervisorHealth(supervision.pid, processes)


def is_gone(host: str, pid: int) -> bool:
    """Return whether a process of this machine has ended, although its last heartbeat may be seconds old."""
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
    """Return whether the process is a zombie; False if the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


async def _services(targets: ProbeTargets) -> dict[str, State]:
    verify = addresses.tls_context(*targets.service_urls.values())
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, verify=verify) as client:
        states = await asyncio.gather(*(_service(client, url) for url in targets.service_urls.values()))
    return dict(zip(targets.service_urls, states, strict=True))


async def _service(client: httpx.AsyncClient, url: str) -> State:
    try:
        response = await client.get(f"{url}/healthz")
    except httpx.TransportError:
        return "down"
    return "up" if response.is_success else "degraded"


async def _database(targets: ProbeTargets) -> DatabaseStatus:
    parts = urlsplit(targets.database_url)
    address, started = f"{parts.netloc.rpartition('@')[2]}{parts.path}", time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await asyncpg.connect(targets.database_url)
            try:
                return await _read_ledger(connection, targets, address, started)
            finally:
                connection.terminate()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return DatabaseStatus(Component("down", address, error=_words(error)))


async def _read_ledger(
    connection: DatabaseConnection, targets: ProbeTargets, address: str, started: float
) -> DatabaseStatus:
    beats = await list_beats(connection)
    topic = targets.topic(Topic.PROFILE_EVENTS)
    applied = await applied_positions(connection, topic)
    projected = {partition: place.next_offset for partition, place in applied.items()}
    audited = await audited_offsets(connection)
    counts = await count_dead_letters(connection)
    letters = [
        DeadLetterCount(r["reason"], r["total"], r["last_day"], r["oldest"], r["newest"]) for r in counts
    ]
    version = connection.get_server_version()
    part = Component("up", address, _since(started), f"PostgreSQL {version.major}.{version.micro}")
    generations = [
        GenerationStatus(
            number=row["number"],
            state=row["state"],
            phase=row["phase"],
            events_done=row["events_done"],
            events_total=row["events_total"],
            created_at=row["created_at"],
            progress_at=row["progress_at"],
        )
        for row in await list_generations(connection)
    ]
    check = await self_check_summary(connection)
    return DatabaseStatus(part, beats, projected, audited, letters, generations=generations, check=check)


async def _broker(targets: ProbeTargets) -> BrokerStatus:
    started = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            admin = AIOKafkaAdminClient(**targets.kafka.arguments())
            try:
                await admin.start()
                return await _read_broker(admin, targets, started)
            finally:
                await admin.close()
    except (KafkaError, OSError, TimeoutError) as error:
        return BrokerStatus(Component("down", targets.kafka.bootstrap, error=_words(error)))


async def _read_broker(admin: AIOKafkaAdminClient, targets: ProbeTargets, started: float) -> BrokerStatus:
    nodes = len((await admin.describe_cluster())["brokers"])
    answered = _since(started)
    extents = await _extents(admin, targets)
    if missing := [targets.topic(topic) for topic in _TOPICS if topic not in extents]:
        error = f"no topic {', '.join(missing)}: run `vita up`, or check VITA_TOPIC_PREFIX"
        return BrokerStatus(Component("down", targets.kafka.bootstrap, answered, _nodes(nodes), error))
    committed = await admin.list_consumer_group_offsets(targets.normalizer_group)
    raw = targets.topic(Topic.LOGINS_RAW)
    normalized = {
        place.partition: meta.offset
        for place, meta in committed.items()
        if place.topic == raw and meta.offset >= 0
    }
    return BrokerStatus(
        Component("up", targets.kafka.bootstrap, answered, _nodes(nodes)), extents, normalized
    )


async def _extents(admin: AIOKafkaAdminClient, targets: ProbeTargets) -> dict[Topic, TopicExtent]:
    """Return the extents of those topics that the broker has. Records of open transactions count."""
    names = {targets.topic(topic): topic for topic in _TOPICS}
    places = [
        TopicPartition(description["topic"], part["partition"])
        for description in await admin.describe_topics(list(names))
        for part in description["partitions"]
    ]
    consumer = AIOKafkaConsumer(**targets.kafka.arguments(), isolation_level="read_uncommitted")
    try:
        await consumer.start()
        begins, ends = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
    finally:
        await consumer.stop()
    found = {place.topic for place in places}
    return {
        topic: TopicExtent(_of_topic(begins, name), _of_topic(ends, name))
        for name, topic in names.items()
        if name in found
    }


def _of_topic(offsets: Mapping[TopicPartition, int], topic: str) -> Offsets:
    return {place.partition: offset for place, offset in offsets.items() if place.topic == topic}


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
            return "connection refused"
        case _:
            return type(error).__name__
