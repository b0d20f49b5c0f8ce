"""profile.events -> profile and search views. Records are read at least once and take effect exactly once.

The positions are stored in the transaction that writes the rows (design D5); a batch that does not continue
the stored positions is fenced. Before that, logins of linked identities are appended to profile.events for
the primary subject, and revocations to the topic `revocations`, at least once.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

import asyncpg
import structlog
from aiokafka import ConsumerRecord
from pydantic import Field

from projections.batch.effects import Effects
from projections.batch.fold import Folded, fold_batch
from projections.batch.views import Views
from projections.fold_view import Keys
from projections.logged import Logged
from schemas.envelope import CONTENT_TYPE
from schemas.errors import InvalidEvent
from schemas.formats.identifiers import key_owner
from schemas.revocation import record_of
from schemas.sealing.keys import Keyring
from schemas.topics import Topic
from services.ledger.dead_letters import DeadLetters, KeyOwner, Quarantined, report
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.ledger.progress.epochs import topic_epoch
from services.ledger.progress.generations import REBUILD_PHASES, rebuild_progress
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.progress.positions import (
    MOVED_MEANWHILE,
    RETIRED,
    Move,
    advance,
    begin_positions,
    read_positions,
)
from services.projector.log_retention import INTERVAL_SECONDS, delete_expired
from services.projector.relaying import sealed_relays
from services.projector.repairs import INTERVAL_SECONDS as REPAIR_SECONDS
from services.projector.repairs import Repairs
from services.projector.replays import EventReplays
from services.runtime.background import Background, start_task
from services.runtime.kafka.log_reader import first_offset_from
from services.runtime.kafka.log_writer import DEAD_LETTER_TYPE, LogWriter
from services.runtime.metrics.catalogue import (
    BATCH_PHASE_SECONDS,
    EVENTS,
    REBUILD_EVENTS_DONE,
    REBUILD_EVENTS_EXPECTED,
    REBUILD_PHASE,
    UNKNOWN_TYPE,
)
from services.runtime.metrics.exposition import read_by
from services.runtime.metrics.meters import Phases, count, show
from services.runtime.periodic import FailurePolicy, Periodic, Readiness
from services.runtime.postgres.pool import database_failures, open_pool
from services.runtime.settings import QuarantineSettings, metrics_port_field
from services.runtime.worker.consumer import Fenced, first_offsets, next_offsets
from services.views.clock import Latest, stamp
from services.views.generation import Generation
from services.views.opening import Read, Refused, open_records, read_records
from services.views.statement_batches import StatementBatch, write_batches
from services.views.store import read_owners, read_views, statements

_log = structlog.get_logger()

CHUNK = 500
"""Number of records in a transaction."""
LARGE_BYTES: Final = 64 << 10
"""An event of this size takes tens of milliseconds, because the search views have a row for each value of a
person."""


class Prepared(NamedTuple):
    """A chunk of records, folded over the tables of a generation: the rows to write there, the keys that seal
    them, the effects outside of the views, and what is counted once the rows are written."""

    generation: Generation
    records: Sequence[ConsumerRecord]
    folded: Folded
    effects: Effects
    keys: Keys
    letters: list[Quarantined]
    counts: Counter[tuple[str, str]]
    phases: Phases


class Settings(QuarantineSettings):
    """The projector's settings."""

    metrics_port: int = metrics_port_field(9467)
    self_check_seconds: float = Field(
        10.0,
        ge=0,
        description="Seconds between comparisons of one user's rows with its history; 0 for none.",
    )


class Projector:
    """Folds batches into the live generation of the views. When a rebuild makes another generation live, the
    projector goes on with that one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic(Topic.PROFILE_EVENTS)
        self._latest: Latest = {}
        self._authentic: dict[tuple[int, int], KeyOwner] = {}
        self._retired = Background()
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
            self._pool = await open_pool(url, max_size=2)
            opening.push_async_callback(self._pool.close)
            with database_failures():
                async with self._pool.acquire() as connection:
                    self._epoch = await topic_epoch(connection, self._topic)
                    self._keyring: Keyring = await load_keyring(connection, provider)
            self._live = await Generation.live(url, self._topic)
            opening.push_async_callback(self._close_generation)
            topic = self._settings.topic(Topic.PROFILE_EVENTS_DLQ)
            letters = await LogWriter.open(self._settings.kafka, topic, DEAD_LETTER_TYPE)
            opening.push_async_callback(letters.close)
            self._dead_letters = DeadLetters(
                letters, self._pool, self._keyring, self._settings.dead_letters_per_hour
            )
            self._events = await LogWriter.open(self._settings.kafka, self._topic)
            opening.push_async_callback(self._events.close)
            topic = self._settings.topic(Topic.REVOCATIONS)
            self._revocations = await LogWriter.open(self._settings.kafka, topic, CONTENT_TYPE)
            opening.push_async_callback(self._revocations.close)
            heartbeat = Heartbeat(self._pool, "projector", readiness := Readiness(), end_process)
            heartbeat.warn(self._live.notice)
            opening.push_async_callback(heartbeat.stop)
            await heartbeat.start()
            self._heartbeat = heartbeat
            retention = Periodic(
                "log_retention",
                lambda: delete_expired(self._live.pool, datetime.now(UTC)),
                INTERVAL_SECONDS,
                readiness,
            )
            opening.push_async_callback(retention.stop)
            retention.start()
            self._repairs = Repairs(self._settings.kafka, self._topic, self._keyring)
            self._replays = EventReplays(self._settings.kafka, self._topic, self._keyring, self._publish)
            repairing = Periodic("repairs", self.repair_requested, REPAIR_SECONDS, readiness)
            opening.push_async_callback(repairing.stop)
            repairing.start()
            if every := self._settings.self_check_seconds:
                checking = Periodic("self_check", self.check_sample, every, readiness, at_once=False)
                opening.push_async_callback(checking.stop)
                checking.start()
            opening.enter_context(read_by(self._read_rebuild))
            self._resources = opening.pop_all()
        return heartbeat

    async def stop(self) -> None:
        """End the heartbeat and log retention, and disconnect."""
        await self._resources.aclose()

    async def repair_requested(self) -> int:
        """Replay the dead letters and rewrite the rows of the people that operators requested, and return how
        many rounds that took. Raises Transient."""
        replays = await self._replays.replay_requested(self._live)
        return replays + await self._repairs.repair_requested(self._live)

    async def _publish(self, effects: Effects) -> None:
        """Put what events do outside of the views on its topics. Raises Transient."""
        if effects.relays:
            with database_failures():
                async with self._pool.acquire() as connection:
                    records, _ = await sealed_relays(connection, self._keyring, effects.relays, self._epoch)
            await self._events.append_many(records)
        if effects.revocations:
            await self._revocations.append_many([record_of(one) for one in effects.revocations])

    async def check_sample(self) -> list[str] | None:
        """Compare the rows of one person with its history, as `Repairs.check_sample` does. Raises
        Transient."""
        return await self._repairs.check_sample(self._live)

    async def _read_rebuild(self) -> None:
        async with self._pool.acquire() as connection:
            building = await rebuild_progress(connection)
        phase, done, expected = building or (None, 0, 0)
        show(REBUILD_PHASE, {(one,): one == phase for one in REBUILD_PHASES})
        show(REBUILD_EVENTS_DONE, {(): done})
        show(REBUILD_EVENTS_EXPECTED, {(): expected})

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the next offset of each of these partitions, from the ledger, where it moves with the rows.
        Partitions that were never read are left out. Raises Transient if PostgreSQL is not available."""
        with database_failures():
            applied = await read_positions(self._pool, self._live.number, self._topic, partitions)
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
        nothing = fold_batch(Views(), ())
        phases = Phases(BATCH_PHASE_SECONDS)
        prepared = Prepared(
            generation=self._live,
            records=[record],
            folded=nothing,
            effects=Effects(),
            keys={},
            letters=[letter],
            counts=Counter(),
            phases=phases,
        )
        await self._commit(prepared, latest)

    async def _clock(self, records: Sequence[ConsumerRecord]) -> Latest:
        """Return the time of the record before these, for each partition."""
        unknown = {record.partition for record in records} - self._latest.keys()
        if unknown:
            await self.stored_positions(unknown)
        return dict(self._latest)

    async def _fold(self, chunk: Sequence[ConsumerRecord], newest: Views, latest: Latest) -> Prepared:
        """Fold a chunk over the tables and over `newest`, the states of earlier chunks that the tables may
        not contain yet. Adds the states of this chunk to `newest`."""
        generation, phases = self._live, Phases(BATCH_PHASE_SECONDS)
        with phases.phase("open"):
            read, refused = read_records(chunk, self._events.partitions, latest)
            letters = [self._quarantine(*one) for one in refused]
        with phases.phase("read"), database_failures():
            async with generation.pool.acquire() as connection:
                owners = await read_owners(connection, self._keyring, {one.owner for one in read})
        with phases.phase("open"):
            outcomes = await open_records(read, owners.keys, generation.passed)
            events = self._opened(read, outcomes, letters)
        with phases.phase("read"), database_failures():
            start = await read_views(generation.pool, events, owners, newest)
        with phases.phase("fold"):
            effects = Effects()
            folded = fold_batch(start, events, effects)
            newest.take(folded.now)
        counts = Counter[tuple[str, str]]((logged.event.type, "applied") for logged in events)
        counts[UNKNOWN_TYPE, "destroyed"] = outcomes.count(None)
        return Prepared(
            generation=generation,
            records=chunk,
            folded=folded,
            effects=effects,
            keys=owners.keys,
            letters=letters,
            counts=counts,
            phases=phases,
        )

    async def _commit(self, prepared: Prepared, latest: Latest) -> None:
        generation, chunk, folded, effects, keys, letters, counts, phases = prepared
        if effects.relays:
            letters = [*letters, *await self._relay(chunk, effects.relays)]
        await self._dead_letters.keep(letters)
        if effects.revocations:
            await self._revocations.append_many([record_of(one) for one in effects.revocations])
        rows = partial(statements, folded, effects.reservations, keys)
        is_large = any(len(record.value or b"") >= LARGE_BYTES for record in chunk)
        with phases.phase("write"), database_failures():
            batches = await asyncio.to_thread(rows) if is_large else rows()
            await self._write(generation, chunk, batches, latest)
        phases.end()
        for (event_type, outcome), number in counts.items():
            count(EVENTS, event_type, outcome, by=number)
        self._latest |= {partition: latest[partition] for partition in next_offsets(chunk)}

    async def _relay(
        self, chunk: Sequence[ConsumerRecord], relays: Sequence[tuple[Logged, str]]
    ) -> list[Quarantined]:
        """Append the relayed events of linked identities. Return dead letters for those whose primary subject
        has no keys."""
        with database_failures():
            async with self._pool.acquire() as connection:
                records, stranded = await sealed_relays(connection, self._keyring, relays, self._epoch)
        if records:
            await self._events.append_many(records)
        missing = {one.position for one in stranded}
        for logged, _ in relays:
            if logged.position not in missing:
                count(EVENTS, logged.event.type, "appended")
        places = {
            (one.position.partition, one.position.offset): (
                one.event.tenant,
                key_owner(one.event.tenant, one.event.subject),
            )
            for one in stranded
        }
        error = InvalidEvent("no_key", "the subject that receives this person's logins has no keys")
        return [
            self._quarantine(record, error, person)
            for record in chunk
            if (person := places.get((record.partition, record.offset))) is not None
        ]

    def _opened(
        self,
        read: Sequence[Read],
        outcomes: Sequence[Logged | Refused | None],
        letters: list[Quarantined],
    ) -> list[Logged]:
        opened: list[Logged] = []
        for one, outcome in zip(read, outcomes, strict=True):
            if isinstance(outcome, Refused):
                letters.append(self._quarantine(*outcome))
            elif outcome is not None:
                self._authentic[one.record.partition, one.record.offset] = one.owner
                opened.append(outcome)
        return opened

    def _quarantine(
        self, record: ConsumerRecord, error: InvalidEvent, person: KeyOwner | None = None
    ) -> Quarantined:
        """Report a failed record and return its dead letter. `person` is the tenant and the owner of the keys
        that sealed the record; None if that is not certain."""
        report(record, error, self._heartbeat)
        return Quarantined(record, error, *(person or ()))

    async def _write(
        self,
        generation: Generation,
        records: Sequence[ConsumerRecord],
        batches: Sequence[StatementBatch],
        latest: Latest,
    ) -> None:
        """Write the rows and the positions in one transaction. Raises Fenced."""
        expected = first_offsets(records)
        for known in (False, True):
            move = Move(expected, next_offsets(records), latest)
            try:
                await write_batches(generation.pool, batches, advance(generation.number, self._topic, move))
            except asyncpg.PostgresError as error:
                if error.sqlstate == RETIRED:
                    await self._follow_live(generation)
                    raise Fenced(f"generation {generation.number} is no longer live") from error
                if error.sqlstate != MOVED_MEANWHILE:
                    raise
                if known:
                    raise Fenced("another instance advanced the stored positions") from error
                expected = await self._expected(generation, first_offsets(records))
            else:
                return

    async def _follow_live(self, retired: Generation) -> None:
        """Go on with the generation that is live now. Raises Transient."""
        if self._live is retired:
            live = await Generation.live(self._settings.database_url.get_secret_value(), self._topic)
            self._live, self._latest = live, {}
            self._heartbeat.warn(live.notice)
            self._retired.start(retired.pool.close())
            _log.info("generation_switched", generation=live.number)

    async def _close_generation(self) -> None:
        await self._retired.drain()
        await self._live.pool.close()

    async def _expected(self, generation: Generation, first: Mapping[int, int]) -> dict[int, int]:
        """Return the stored positions, if the log has no record between them and the batch. Raises Fenced
        otherwise."""
        async with generation.pool.acquire() as connection:
            await begin_positions(connection, generation.number, self._topic, list(first))
            applied = await read_positions(connection, generation.number, self._topic, list(first))
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
