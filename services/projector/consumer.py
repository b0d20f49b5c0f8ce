"""profile.events -> profile and search views, at least once read and exactly once in effect; the logins of
linked identities go back to profile.events, for the subject that takes them.

The position moves in the transaction of the rows (design D5); a batch whose partitions stand elsewhere is
fenced off. What gateways are to end is on the topic `revocations` before the position moves: at least once.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple

import asyncpg
from aiokafka import ConsumerRecord

from projections.batch.effects import Effects
from projections.batch.fold import Folded, fold_batch
from projections.batch.views import Views
from projections.fold_view import Keys
from projections.logged import Logged
from schemas.envelope import CONTENT_TYPE
from schemas.errors import InvalidEvent
from schemas.events import Event
from schemas.formats.identifiers import key_owner
from schemas.formats.positions import Position
from schemas.revocation import record_of
from schemas.sealing.keys import KeyProvider, Keyring
from schemas.sealing.mapper import KeyDestroyed, SealedEvent, open_event, read_sealed
from schemas.topics import Topic
from services.ledger.dead_letters import DeadLetters, KeyOwner, Quarantined, report
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.ledger.progress.epochs import topic_epoch
from services.ledger.progress.generations import live_generation
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.progress.positions import (
    MOVED_MEANWHILE,
    Move,
    advance,
    begin_positions,
    passed_positions,
    read_positions,
)
from services.projector.clock import Latest, stamp
from services.projector.log_retention import INTERVAL_SECONDS, delete_expired
from services.projector.relaying import sealed_relays
from services.projector.statement_batches import StatementBatch, execute
from services.projector.store import read_owners, read_views, statements
from services.runtime.background import start_task
from services.runtime.kafka.log_reader import first_offset_from
from services.runtime.kafka.log_writer import DEAD_LETTER_TYPE, LogWriter, partition_of
from services.runtime.kafka.record_batches import check_readable
from services.runtime.periodic import FailurePolicy, Periodic, Readiness
from services.runtime.postgres.pool import DatabaseConnection, database_failures, open_pool
from services.runtime.settings import RuntimeSettings
from services.runtime.worker.consumer import Fenced, first_offsets, next_offsets

CHUNK = 500
"""Records per transaction."""
BREATH = 25
"""Events opened before the loop may see to the transaction under way."""
LARGE_BYTES: Final = 64 << 10
"""An event of this size takes tens of milliseconds: for each value of a person there is a row of searches."""

Read = tuple[ConsumerRecord, SealedEvent, datetime]
"""A record, the event in it, and the broker's time of it."""


class Prepared(NamedTuple):
    """A chunk of records, folded: what is to be written, where it is sealed with which keys, and what has an
    effect outside of the views."""

    records: Sequence[ConsumerRecord]
    folded: Folded
    effects: Effects
    keys: Keys
    letters: list[Quarantined]


class Settings(RuntimeSettings):
    """The projector needs nothing of its own."""


class Projector:
    """Folds batches into one generation of the views."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic(Topic.PROFILE_EVENTS)
        self._generation = 0
        self._latest: Latest = {}
        self._authentic: dict[tuple[int, int], KeyOwner] = {}
        self._resources = AsyncExitStack()

    async def start(self, end_process: FailurePolicy) -> Heartbeat:
        """Connect, read the live generation and load the keyring.

        A heartbeat that cannot be written ends the process; it reports log retention that fails. Raises
        Transient if PostgreSQL or Kafka is not available, ValueError if the key provider is not usable,
        NoKeys if the installation has no keys, and CannotUnseal if the key-encryption key is another one.
        """
        url = self._settings.database_url.get_secret_value()
        provider = provider_from(self._settings.key_provider)
        async with AsyncExitStack() as opening:
            await self._learn(url, provider)
            self._pool = await open_pool(url, max_size=4, search_path=f"view_{self._generation}")
            opening.push_async_callback(self._pool.close)
            topic = self._settings.topic(Topic.PROFILE_EVENTS_DLQ)
            letters = await LogWriter.open(self._settings.kafka, topic, DEAD_LETTER_TYPE)
            opening.push_async_callback(letters.close)
            self._dead_letters = DeadLetters(letters, self._pool, self._keyring)
            self._events = await LogWriter.open(self._settings.kafka, self._topic)
            opening.push_async_callback(self._events.close)
            topic = self._settings.topic(Topic.REVOCATIONS)
            self._revocations = await LogWriter.open(self._settings.kafka, topic, CONTENT_TYPE)
            opening.push_async_callback(self._revocations.close)
            heartbeat = Heartbeat(self._pool, "projector", readiness := Readiness(), end_process)
            opening.push_async_callback(heartbeat.stop)
            await heartbeat.start()
            self._heartbeat = heartbeat
            pool = self._pool
            retention = Periodic(
                "log_retention", lambda: delete_expired(pool, datetime.now(UTC)), INTERVAL_SECONDS, readiness
            )
            opening.push_async_callback(retention.stop)
            retention.start()
            self._resources = opening.pop_all()
        return heartbeat

    async def _learn(self, url: str, provider: KeyProvider) -> None:
        pool = await open_pool(url, max_size=1)
        try:
            with database_failures():
                async with pool.acquire() as connection:
                    self._generation = await live_generation(connection)
                    self._history = await passed_positions(connection, self._generation, self._topic)
                    self._epoch = await topic_epoch(connection, self._topic)
                    self._keyring: Keyring = await load_keyring(connection, provider)
        finally:
            await pool.close()

    async def stop(self) -> None:
        """End the heartbeat and log retention, and disconnect."""
        await self._resources.aclose()

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the next offset of each of these partitions, from the ledger, where it moves with the rows.
        Partitions that were never read are left out. Raises Transient if PostgreSQL is not available."""
        with database_failures():
            applied = await read_positions(self._pool, self._generation, self._topic, partitions)
        for partition in partitions:
            self._latest.pop(partition, None)
        self._latest |= {
            partition: place.recorded_at for partition, place in applied.items() if place.recorded_at
        }
        return {partition: place.next_offset for partition, place in applied.items()}

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Fold and write records chunk by chunk, each in one transaction; while one is written the next is
        read, opened and folded. Records that cannot be processed become dead letters.

        Raises Transient if PostgreSQL or Kafka is not available, and Fenced if another instance has moved the
        positions of these partitions; the chunks before have been written.
        """
        newest, latest = Views(), await self._clock(records)
        partitions = next_offsets(records).keys()
        self._authentic = {at: of for at, of in self._authentic.items() if at[0] not in partitions}
        writing: asyncio.Task[None] | None = None
        try:
            for start in range(0, len(records), CHUNK):
                prepared = await self._fold(records[start : start + CHUNK], newest, latest)
                if writing is not None:
                    await writing
                writing = start_task(self._commit(prepared, dict(latest)))
            if writing is not None:
                await writing
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait([writing])

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Write a record that cannot be processed to the dead letters, and move the position behind it.

        Raises Transient if PostgreSQL or Kafka is not available, and Fenced if another instance has moved the
        position of the partition.
        """
        latest = await self._clock([record])
        stamp([record], latest)
        letter = self._quarantine(record, error, self._authentic.get((record.partition, record.offset)))
        await self._commit(Prepared([record], fold_batch(Views(), ()), Effects(), {}, [letter]), latest)

    async def _clock(self, records: Sequence[ConsumerRecord]) -> Latest:
        """The broker times that these records follow."""
        unknown = {record.partition for record in records} - self._latest.keys()
        if unknown:
            await self.stored_positions(unknown)
        return dict(self._latest)

    async def _fold(self, chunk: Sequence[ConsumerRecord], newest: Views, latest: Latest) -> Prepared:
        """Fold a chunk over the tables and over `newest`, the states of chunks that may not be in the tables
        yet; those of this chunk are added there."""
        letters: list[Quarantined] = []
        read = self._read(chunk, letters, latest)
        with database_failures():
            async with self._pool.acquire() as connection:
                wanted = {(sealed.tenant, sealed.owner) for _, sealed, _ in read}
                owners = await read_owners(connection, self._keyring, wanted)
        events = await self._open(read, owners.keys, letters)
        with database_failures():
            start = await read_views(self._pool, events, owners, newest)
        effects = Effects()
        folded = fold_batch(start, events, effects)
        newest.take(folded.now)
        return Prepared(chunk, folded, effects, owners.keys, letters)

    async def _commit(self, prepared: Prepared, latest: Latest) -> None:
        chunk, folded, effects, keys, letters = prepared
        if effects.relays:
            letters = [*letters, *await self._relay(chunk, effects.relays)]
        await self._dead_letters.keep(letters)
        if effects.revocations:
            await self._revocations.append_many([record_of(one) for one in effects.revocations])
        rows = partial(statements, folded, effects.reservations, keys)
        is_large = any(len(record.value or b"") >= LARGE_BYTES for record in chunk)
        batches = await asyncio.to_thread(rows) if is_large else rows()
        with database_failures():
            await self._write(chunk, batches, latest)
        self._latest |= {partition: latest[partition] for partition in next_offsets(chunk)}

    async def _relay(
        self, chunk: Sequence[ConsumerRecord], relays: Sequence[tuple[Logged, str]]
    ) -> list[Quarantined]:
        """Append the events that other subjects take. Return dead letters for those whose taker has no
        keys."""
        with database_failures():
            async with self._pool.acquire() as connection:
                records, stranded = await sealed_relays(connection, self._keyring, relays, self._epoch)
        if records:
            await self._events.append_many(records)
        places = {
            (one.position.partition, one.position.offset): (
                one.event.tenant,
                key_owner(one.event.tenant, one.event.subject),
            )
            for one in stranded
        }
        error = InvalidEvent("no_key", "whoever takes this person's logins has no keys")
        return [
            self._quarantine(record, error, person)
            for record in chunk
            if (person := places.get((record.partition, record.offset))) is not None
        ]

    def _read(
        self, records: Sequence[ConsumerRecord], letters: list[Quarantined], latest: Latest
    ) -> list[Read]:
        read: list[Read] = []
        for record, recorded_at in zip(records, stamp(records, latest), strict=True):
            try:
                check_readable(record)
                sealed = read_sealed(record.key, record.value)
                if partition_of(record.key, self._events.partitions) != record.partition:
                    raise InvalidEvent("not_authentic", "the record is not in the partition of its subject")
                read.append((record, sealed, recorded_at))
            except InvalidEvent as error:
                letters.append(self._quarantine(record, error))
        return read

    async def _open(self, read: Sequence[Read], keys: Keys, letters: list[Quarantined]) -> list[Logged]:
        opened: list[Logged] = []
        for index, (record, sealed, recorded_at) in enumerate(read):
            if index % BREATH == 0:
                await asyncio.sleep(0)
            found = keys.get((sealed.tenant, sealed.owner))
            try:
                if found is None:
                    raise InvalidEvent("not_authentic", "the ledger has no keys of this subject")
                event = open_event(sealed, found)
            except InvalidEvent as error:
                person = None if error.reason == "not_authentic" else (sealed.tenant, sealed.owner)
                letters.append(self._quarantine(record, error, person))
            except KeyDestroyed:
                continue
            else:
                self._authentic[record.partition, record.offset] = sealed.tenant, sealed.owner
                opened.append(self._logged(record, event, recorded_at))
        return opened

    def _logged(self, record: ConsumerRecord, event: Event, recorded_at: datetime) -> Logged:
        position = Position(record.partition, record.offset)
        replayed = record.offset < self._history.get(record.partition, 0)
        return Logged(event, position, recorded_at, replayed)

    def _quarantine(
        self, record: ConsumerRecord, error: InvalidEvent, person: KeyOwner | None = None
    ) -> Quarantined:
        """The dead letter. `person` is the tenant and the owner of the keys that sealed the record; None when
        that is not certain."""
        report(record, error, self._heartbeat)
        return Quarantined(record, error, *(person or ()))

    async def _write(
        self, records: Sequence[ConsumerRecord], batches: Sequence[StatementBatch], latest: Latest
    ) -> None:
        """Write the rows and the positions in one transaction. Raises Fenced."""
        expected = first_offsets(records)
        for known in (False, True):
            try:
                async with self._pool.acquire() as connection, _transaction(connection, batches):
                    await self._run(connection, batches, expected, next_offsets(records), latest)
            except asyncpg.PostgresError as error:
                if error.sqlstate != MOVED_MEANWHILE:
                    raise
                if known:
                    raise Fenced("the stored positions moved meanwhile") from error
                expected = await self._expected(first_offsets(records))
            else:
                return

    async def _run(
        self,
        connection: DatabaseConnection,
        batches: Sequence[StatementBatch],
        expected: Mapping[int, int],
        following: dict[int, int],
        latest: Latest,
    ) -> None:
        first, *later = batches or ((),)
        move = Move(expected, following, latest)
        await execute(connection, first, *advance(self._generation, self._topic, move))
        for batch in later:
            await execute(connection, batch)

    async def _expected(self, first: Mapping[int, int]) -> dict[int, int]:
        """The stored positions, when a batch follows them with no record of the log in between. Raises
        Fenced."""
        async with self._pool.acquire() as connection:
            await begin_positions(connection, self._generation, self._topic, list(first))
            applied = await read_positions(connection, self._generation, self._topic, list(first))
        expected = {partition: place.next_offset for partition, place in applied.items()}
        for partition, offset in first.items():
            if expected[partition] != offset and not await self._is_gap(
                partition, expected[partition], offset
            ):
                raise Fenced(f"partition {partition} waits for offset {expected[partition]}, not {offset}")
        return expected

    async def _is_gap(self, partition: int, expected: int, offset: int) -> bool:
        if offset < expected:
            return False
        return await first_offset_from(self._settings.kafka, self._topic, partition, expected) == offset


def _transaction(
    connection: DatabaseConnection, batches: Sequence[StatementBatch]
) -> AbstractAsyncContextManager[Any]:
    """Return a transaction unless there is only one statement, which is a transaction by itself."""
    return connection.transaction() if len(batches) > 1 else nullcontext()
