"""profile.events -> views: replays quarantined events that an operator has asked for, exactly once in effect.

The record still lies at its place on the log, and a rebuild folds it there. So the rows of its person are
rewritten from the whole history, with the record in its place, and the dead letter is settled in the same
transaction. What the event does outside of the views comes before, at least once: relays and revocations are
recognised when they are repeated.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord

from projections.batch.effects import Effects
from schemas.errors import InvalidEvent, Transient
from schemas.formats.identifiers import PERSON
from schemas.formats.instants import from_milliseconds
from schemas.formats.positions import Position
from schemas.sealing.keys import Keyring
from schemas.sealing.mapper import KeyDestroyed, open_event, read_sealed
from services.ledger.keys.subject_keys import read_keys
from services.ledger.progress.positions import hold_position
from services.ledger.repairs import Subject, request_repairs
from services.ledger.replays import RequestedReplay, next_requested
from services.projector.repairs import RENORMALIZED, FoldedHistory
from services.queries.subject_records import FETCH_BYTES, TrailBehind
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import LogReader, open_log
from services.runtime.postgres.pool import DatabaseConnection, database_failures
from services.views.generation import Generation
from services.views.person_rows import add_to_days, rewrite
from services.views.statement_batches import execute
from services.views.store import reservation_statements

_log = structlog.get_logger()
_NOT_THE_RECORD: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
Publish = Callable[[Effects], Awaitable[None]]
"""Puts relays and revocations on their topics."""


class EventReplays:
    """Replays the dead letters of `profile.events` whose replay is requested, in the order of the topic."""

    def __init__(self, kafka: KafkaAccess, topic: str, keyring: Keyring, publish: Publish) -> None:
        self._kafka, self._topic, self._keyring, self._publish = kafka, topic, keyring, publish

    async def replay_requested(self, live: Generation) -> int:
        """Replay every letter that is requested, and return how many there were. Raises Transient."""
        count = 0
        with database_failures():
            while await self._replay_next(live):
                count += 1
        return count

    async def _replay_next(self, live: Generation) -> bool:
        async with next_requested(live.pool, self._topic) as requested:
            if requested is None:
                return False
            async with open_log(self._kafka, self._topic, fetch_bytes=FETCH_BYTES) as log:
                refused = await self._replay(requested, log, live)
            if refused is None:
                await requested.replayed()
            else:
                await requested.refused(refused)
            _log.info("dead_letter_replayed", record=requested.letter.name, refused=refused is not None)
        return True

    async def _replay(
        self, requested: RequestedReplay, log: LogReader, live: Generation
    ) -> InvalidEvent | None:
        """Return why the record is still refused, None if it has taken effect."""
        if live.renormalized:
            return InvalidEvent("unprocessable", RENORMALIZED)
        connection, letter = requested.connection, requested.letter
        record = await log.record_at(Position(letter.partition, letter.offset))
        if record is None:
            return InvalidEvent("unprocessable", "the log no longer holds the record")
        person = await self._person(connection, record)
        if isinstance(person, InvalidEvent):
            return person
        try:
            async with connection.transaction():
                return await self._take(connection, log, live, person, record)
        except TrailBehind as error:
            return InvalidEvent("unprocessable", str(error))
        except (Transient, *_NOT_THE_RECORD):
            raise
        except Exception as error:
            _log.error("record_unprocessable", error=type(error).__name__, exc_info=error)
            return InvalidEvent("unprocessable", type(error).__name__)

    async def _person(self, connection: DatabaseConnection, record: ConsumerRecord) -> Subject | InvalidEvent:
        """The person that the record is about, or why it holds no valid event of a person."""
        try:
            sealed = read_sealed(record.key, record.value)
            if not sealed.subject.startswith(PERSON):
                return InvalidEvent(
                    "unprocessable", "what is not about a person takes effect with `vita rebuild`"
                )
            person = sealed.tenant, sealed.subject
            keys = (await read_keys(connection, self._keyring, [person])).get(person)
            if keys is None:
                return InvalidEvent("not_authentic", "the ledger has no keys of this subject")
            open_event(sealed, keys)
        except InvalidEvent as error:
            return error
        except KeyDestroyed:
            return InvalidEvent("no_key", "the keys of the subject have been destroyed")
        return person

    async def _take(
        self,
        connection: DatabaseConnection,
        log: LogReader,
        live: Generation,
        person: Subject,
        record: ConsumerRecord,
    ) -> InvalidEvent | None:
        """Rewrite the rows inside the caller's transaction."""
        found = await FoldedHistory.open(connection, log, self._keyring, person)
        without = await FoldedHistory.open(connection, log, self._keyring, person)
        if found is None or without is None:
            return InvalidEvent("no_key", "the keys of the subject have been destroyed")
        end = await hold_position(connection, live.number, self._topic, record.partition)
        if found.partition != record.partition:
            return InvalidEvent("not_authentic", "the record is not in the partition of its subject")
        effects = Effects()
        await found.read_to(connection, end, (record.offset, effects))
        await without.read_to(connection, end, without=record.offset)
        await self._publish(effects)
        await rewrite(connection, found.fold, found.keys, found.partition)
        await add_to_days(connection, found.fold, without.fold, from_milliseconds(record.timestamp))
        for batch in reservation_statements(effects.reservations):
            if batch:
                await execute(connection, batch)
        await request_repairs(connection, [person], "replay")
        return None
