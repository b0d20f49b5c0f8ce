"""Normalizer and projector without processes: a test calls them with what the topics hold.

Runs both in the process of the test, and only when the test asks: `normalize` and `project` read the topics
to their end. Nothing runs between two calls, so a test decides in which order and in which batches records
are handled.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from deploy.rebuild import rebuild_access
from schemas.events import Event
from schemas.formats import exact_json
from schemas.formats.identifiers import key_owner, new_event_id, new_subject
from schemas.logins.signature import INGEST, Headers, signed_headers
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import Record, open_event, read_sealed, seal_event
from schemas.topics import Topic, catalogue
from services.ledger.dead_letters import DeadLetter, key_owner_of, open_dead_letter
from services.ledger.keys.subject_keys import ensure_keys, load_keyring, provider_from, read_keys
from services.normalizer.consumer import Normalizer
from services.normalizer.consumer import Settings as NormalizerSettings
from services.projector.consumer import Projector
from services.projector.consumer import Settings as ProjectorSettings
from services.rebuild.access import RebuildAccess
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.periodic import Readiness
from services.runtime.worker.consumer import Fenced
from tests.samples.raw_logins import make_data, make_event
from tests.support.stack import Database, Stack

_GATEWAY = [("gateway", b"eu-1")]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@dataclass
class Pipeline:
    """One installation without processes: its hops are called with what the topics hold."""

    stack: Stack
    database: Database
    prefix: str
    keyring: Keyring
    _numbers: Any = field(default_factory=itertools.count)
    _keys: dict[tuple[str, str], SubjectKeys] = field(default_factory=dict)
    _stored_at: dict[tuple[int, int], int] = field(default_factory=dict)

    def settings(self, service: str) -> dict[str, str]:
        """What the service's Settings take."""
        environment = self.stack.environment(service, self.database, self.prefix)
        return {name.removeprefix("VITA_").lower(): value for name, value in environment.items()}

    @cached_property
    def rebuild_access(self) -> RebuildAccess:
        """An administrator's access, with which views are rebuilt."""
        return rebuild_access(
            kafka=self.stack.kafka,
            topic_prefix=self.prefix,
            admin_url=self.stack.admin_url,
            database=self.database.name,
            role_prefix=self.database.access.prefix or self.database.name,
            key_provider=self.settings("projector")["key_provider"],
        )

    def connected(self, role: str | None = None) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection with a service's role, or with a superuser's rights when no role is given."""
        return self.database.connected(role)

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """What a superuser finds."""
        async with self.connected() as connection:
            return list(await connection.fetch(query, *values))

    async def run(self, statement: str, *values: Any) -> None:
        """What a superuser does."""
        async with self.connected() as connection:
            await connection.execute(statement, *values)

    async def add_tenant(self, name: str, strict: bool = False) -> None:
        """A tenant, as the operator makes one."""
        await self.run(
            "INSERT INTO ledger.tenant (name, display_name, strict_connections) VALUES ($1, $1, $2)",
            name,
            strict,
        )

    async def send_raw(
        self,
        *values: bytes | dict[str, Any],
        partition: int = 0,
        timestamp_ms: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Puts raw logins on the topic, signed as ingest signs them unless headers are given. With a
        timestamp they are read as if the broker had stored them then."""
        topic = self.prefix + Topic.LOGINS_RAW.value
        now = int(time.time()) if timestamp_ms is None else timestamp_ms // 1000
        sent = []
        async with producing(self.stack.kafka) as producer:
            for value in values:
                body = value if isinstance(value, bytes) else exact_json.dumps(value)
                given = self.signed(body, now) if headers is None else headers
                sent.append(await producer.send(topic, body, b"key", partition, None, [*_GATEWAY, *given]))
        if timestamp_ms is not None:
            for place in [await one for one in sent]:
                self._stored_at[place.partition, place.offset] = timestamp_ms

    @cached_property
    def signing_secret(self) -> bytes:
        """The key of ingest."""
        return NormalizerSettings(**self.settings("normalizer")).signing_secrets[0]

    def signed(self, body: bytes, seconds: int) -> Headers:
        """The headers by which ingest signs a login; those of an event without id where it has none."""
        try:
            event_id = str(exact_json.loads(body)["id"])
        except (ValueError, LookupError, TypeError):
            event_id = "none"
        return signed_headers(self.signing_secret, INGEST, event_id, seconds, body)

    async def send_events(self, *events: Event | Record) -> None:
        """Puts events on the log, sealed with their owners' keys."""
        records = [
            event
            if isinstance(event, Record)
            else seal_event(event, await self.keys(event.tenant, event.subject))
            for event in events
        ]
        log = await LogWriter.open(self.stack.kafka, self.prefix + Topic.PROFILE_EVENTS.value)
        try:
            await log.append_many(records)
        finally:
            await log.close()

    async def keys(self, tenant: str, subject: str) -> SubjectKeys:
        """Whose keys seal a subject's events."""
        owner = tenant, key_owner(tenant, subject)
        if owner not in self._keys:
            async with self.connected() as connection:
                self._keys[owner] = await ensure_keys(connection, self.keyring, *owner)
        return self._keys[owner]

    async def logged(self, topic: Topic, start: Mapping[int, int] | None = None) -> list[ConsumerRecord]:
        """Every record of a topic from there, partition after partition."""
        name = self.prefix + topic.value
        consumer = AIOKafkaConsumer(
            **self.stack.kafka.arguments(), enable_auto_commit=False, max_partition_fetch_bytes=16 << 20
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(name, n) for n in range(catalogue()[topic].partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for tp in partitions:
                consumer.seek(tp, (start or {}).get(tp.partition, 0))
            wanted = sum(ends[tp] - (start or {}).get(tp.partition, 0) for tp in partitions)
            found: list[ConsumerRecord] = []
            while len(found) < wanted:
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    found.extend(batch)
            return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def read(self, topic: Topic, count: int) -> list[ConsumerRecord]:
        """The first records of a topic, this many, also where some offsets have none."""
        names = [TopicPartition(self.prefix + topic.value, n) for n in range(catalogue()[topic].partitions)]
        async with AIOKafkaConsumer(**self.stack.kafka.arguments(), enable_auto_commit=False) as consumer:
            consumer.assign(names)
            await consumer.seek_to_beginning(*names)
            found: list[ConsumerRecord] = []
            while len(found) < count:
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    found.extend(batch)
            return found

    async def events(self) -> list[Any]:
        """Every event on the log, opened, in the order of the log's times."""
        sealed = [read_sealed(record.key, record.value) for record in await self.logged(Topic.PROFILE_EVENTS)]
        async with self.connected() as connection:
            keys = await read_keys(connection, self.keyring, {(one.tenant, one.owner) for one in sealed})
        return [open_event(one, keys[one.tenant, one.owner]) for one in sealed]

    async def letters(self, topic: Topic) -> list[DeadLetter]:
        """The dead letters of a topic, opened."""
        values = [record.value for record in await self.logged(topic)]
        owners = {key_owner_of(value) for value in values}
        async with self.connected() as connection:
            keys = await read_keys(connection, self.keyring, owners)
        return [open_dead_letter(value, keys.get(key_owner_of(value))) for value in values]

    @contextlib.asynccontextmanager
    async def normalizer(self) -> AsyncIterator[Normalizer]:
        """A started normalizer."""
        hop = Normalizer(NormalizerSettings(**self.settings("normalizer")))
        await hop.start(Readiness())
        try:
            yield hop
        finally:
            await hop.stop()

    @contextlib.asynccontextmanager
    async def projector(self) -> AsyncIterator[Projector]:
        """A started projector."""
        hop = Projector(ProjectorSettings(**self.settings("projector")))
        await hop.start(Readiness())
        try:
            yield hop
        finally:
            await hop.stop()

    async def normalize(self, start: Mapping[int, int] | None = None) -> None:
        """Brings everything on logins.raw, or what is there from these offsets, over to the log, in one
        batch."""
        known = self._stored_at
        records = [
            replace(record, timestamp=known.get((record.partition, record.offset), record.timestamp))
            for record in await self.logged(Topic.LOGINS_RAW, start)
        ]
        async with self.normalizer() as normalizer:
            await normalizer.apply(records)

    async def project(self) -> None:
        """Brings the views up to the end of the log."""
        async with self.projector() as projector:
            stored = await projector.stored_positions(range(12))
            records = await self.logged(Topic.PROFILE_EVENTS, stored)
            if records:
                await projector.apply(records)

    async def views(self, table: str) -> dict[str, asyncpg.Record]:
        """The rows of a view of people, by subject."""
        return {row["subject"]: row for row in await self.rows(f"SELECT * FROM views.{table}")}

    async def document(self, subject: str) -> Any:
        """A person's document as the API would return it; None for an unknown person."""
        row = (await self.views("profile")).get(subject)
        return None if row is None or row["document"] is None else exact_json.loads(row["document"])

    def login(self, **changes: Any) -> dict[str, Any]:
        """A raw login with a unique id."""
        own = {"id": f"login-{next(self._numbers)}"}
        data = changes.pop("data", {})
        return make_event(**{**own, "data": make_data(**data), **changes})

    def event(self, model: type[Any], subject: str, data: Any, **changes: Any) -> Any:
        """An event with an id younger than those of the events made before it."""
        given = {
            "id": new_event_id(NOW + timedelta(milliseconds=next(self._numbers))),
            "source": "/vita/test",
            "subject": subject,
            "time": NOW,
            "tenant": "demo",
            "actor": "client:tests",
            "data": data,
        }
        return model(**{**given, **changes})


async def make_pipeline(stack: Stack, place: tuple[Database, str] | None = None) -> Pipeline:
    """A database with the tenant demo, topics, and the installation's keyring."""
    database, prefix = place or await stack.place()
    provider = provider_from(stack.environment("normalizer", database, prefix)["VITA_KEY_PROVIDER"])
    connection = await asyncpg.connect(database.admin)
    try:
        keyring = await load_keyring(connection, provider)
    finally:
        await connection.close()
    pipeline = Pipeline(stack, database, prefix, keyring)
    if place is None:
        await pipeline.add_tenant("demo")
    return pipeline


@contextlib.asynccontextmanager
async def producing(kafka: KafkaAccess) -> AsyncIterator[AIOKafkaProducer]:
    """A producer like any gateway's; everything is there when it ends."""
    producer = AIOKafkaProducer(**kafka.arguments(), acks="all", max_request_size=16 << 20)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def unused_subject() -> str:
    """Return a subject that no other event has."""
    return new_subject(datetime.now(UTC))


def by_subject(records: Iterable[Any]) -> dict[str, list[Any]]:
    """Events of each subject, in their order."""
    found: dict[str, list[Any]] = {}
    for event in records:
        found.setdefault(event.subject, []).append(event)
    return found


async def applied_or_fenced(projector: Projector, records: Sequence[ConsumerRecord]) -> bool:
    """True when a batch was taken, False when it was fenced off."""
    try:
        await projector.apply(records)
    except Fenced:
        return False
    return True


async def both(*coroutines: Any) -> list[Any]:
    """Several things at once."""
    return list(await asyncio.gather(*coroutines))
