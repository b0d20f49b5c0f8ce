"""profile.events -> views: rewrites the rows of single people from their history, and compares samples.

A check and a repair fold a person's events, hold the position of the partition and write the rows in one
transaction; a check rolls it back. A batch that the projector had folded before may overwrite what was
mended; so a repair ends only with a round that finds nothing different.
"""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord

from projections.batch.effects import Effects
from projections.fold_view import Keys
from projections.logged import Logged
from schemas.errors import Transient
from schemas.sealing.keys import Keyring
from services.ledger.keys.subject_keys import read_keys
from services.ledger.progress.positions import hold_position, read_positions
from services.ledger.repairs import (
    MOST_ROUNDS,
    Subject,
    next_repair,
    note_checked,
    note_mended,
    repair_state,
    settle_repair,
)
from services.queries.subject_records import (
    FETCH_BYTES,
    TrailBehind,
    later_records,
    partition_of_subject,
    subject_records,
)
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import LogReader, open_log
from services.runtime.postgres.pool import DatabaseConnection, database_failures
from services.views.clock import Latest
from services.views.generation import Generation
from services.views.opening import open_records, read_records
from services.views.person_fold import PersonFold
from services.views.person_rows import rewrite, sample_person

INTERVAL_SECONDS: Final = 1.0
BATCH: Final = 500
_NOT_THE_HISTORY: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""Failures that say nothing about a person's events."""
_log = structlog.get_logger()


class FoldedHistory:
    """A person's events, read from the log and folded."""

    def __init__(self, log: LogReader, person: Subject, keys: Keys) -> None:
        self._log, self._person, self.keys = log, person, keys
        self.partition = partition_of_subject(log, *person)
        self.fold = PersonFold(*person)
        self._latest: Latest = {}
        self._next = 0

    @classmethod
    async def open(
        cls, connection: DatabaseConnection, log: LogReader, keyring: Keyring, person: Subject
    ) -> "FoldedHistory | None":
        """Return the history of a person, nothing of it read yet; None if the person's keys are destroyed."""
        keys = await read_keys(connection, keyring, [person])
        return None if person in keys and keys[person].profile is None else cls(log, person, keys)

    async def read_to(
        self,
        connection: DatabaseConnection,
        end: int,
        effects: tuple[int, Effects] | None = None,
        without: int | None = None,
    ) -> None:
        """Fold the events below an offset that were not folded yet. Raises TrailBehind, or Transient.

        `effects` are an offset, and where what its event does outside of the views is added; the event at the
        offset `without` is left out.
        """
        start, self._next = self._next, max(end, self._next)
        records = (
            subject_records(connection, self._log, *self._person, end)
            if start == 0
            else later_records(self._log, *self._person, start, end)
        )
        batch: list[ConsumerRecord] = []
        async for record in records:
            if record.offset != without:
                batch.append(record)
            if len(batch) == BATCH:
                await self._take(batch, effects)
                batch = []
        await self._take(batch, effects)

    async def _take(self, batch: Sequence[ConsumerRecord], effects: tuple[int, Effects] | None) -> None:
        read, _ = read_records(batch, len(self._log.partitions), self._latest)
        opened = await open_records(read, self.keys, {})
        place, outside = effects or (None, None)
        logged = [
            one._replace(replayed=one.position.offset != place) for one in opened if isinstance(one, Logged)
        ]
        self.fold.take(logged, outside)


RENORMALIZED: Final = "the logins of the live views were mapped again: run `vita rebuild`"


class _Undo(Exception):
    """Rolls a check back."""


class Repairs:
    """Checks and repairs the rows of people in the live generation."""

    def __init__(self, kafka: KafkaAccess, topic: str, keyring: Keyring) -> None:
        self._kafka, self._topic, self._keyring = kafka, topic, keyring

    async def repair_requested(self, live: Generation) -> int:
        """Carry out every repair that is requested and due, and return how many rounds there were. Raises
        Transient."""
        rounds = 0
        with database_failures():
            while await self._repair_next(live):
                rounds += 1
        return rounds

    async def check_sample(self, live: Generation) -> list[str] | None:
        """Compare the rows of any person with the person's history, and record what differs. Return its
        names, None if there are no users, the history cannot be read now, or the live generation was
        renormalized. Raises Transient."""
        if live.renormalized:
            return None
        with database_failures():
            async with live.pool.acquire() as connection:
                person = await sample_person(connection)
            if person is None:
                return None
            try:
                names = await self.differences(live, person)
            except TrailBehind:
                return None
            except (Transient, *_NOT_THE_HISTORY):
                raise
            except Exception as error:
                names = [f"history.{type(error).__name__}"]
            async with live.pool.acquire() as connection, connection.transaction():
                await note_checked(connection, person, names)
        if names:
            _log.error("self_check_differs", tenant=person[0], subject=person[1], differences=names)
        return names

    async def differences(self, live: Generation, person: Subject) -> list[str]:
        """Return the names of what differs between the rows of a person and its history; nothing for a person
        whose keys are destroyed. Raises TrailBehind, or Transient."""
        found: list[str] = []
        async with open_log(self._kafka, self._topic, fetch_bytes=FETCH_BYTES) as log:
            async with live.pool.acquire() as connection:
                try:
                    async with connection.transaction():
                        found = await self._rewrite(connection, log, live, person)
                        raise _Undo
                except _Undo:
                    return found

    async def _repair_next(self, live: Generation) -> bool:
        async with (
            live.pool.acquire() as connection,
            connection.transaction(),
        ):
            person = await next_repair(connection)
            if person is None:
                return False
            if live.renormalized:
                await settle_repair(connection, person, RENORMALIZED)
                return True
            try:
                async with (
                    open_log(self._kafka, self._topic, fetch_bytes=FETCH_BYTES) as log,
                    connection.transaction(),
                ):
                    names = await self._rewrite(connection, log, live, person)
            except TrailBehind as error:
                await settle_repair(connection, person, str(error))
                return True
            except (Transient, *_NOT_THE_HISTORY):
                raise
            except Exception as error:
                _log.error("repair_failed", error=type(error).__name__, exc_info=error)
                await settle_repair(
                    connection, person, f"the history cannot be folded: {type(error).__name__}"
                )
                return True
            await self._conclude(connection, person, names)
        return True

    async def _conclude(self, connection: Any, person: Subject, names: list[str]) -> None:
        if not names:
            await settle_repair(connection, person)
            return
        _log.warning("repaired", tenant=person[0], subject=person[1], differences=names)
        await note_mended(connection, person, names)
        state = await repair_state(connection, *person)
        if state is not None and state.rounds >= MOST_ROUNDS:
            await settle_repair(connection, person, "the rows differ again after every round")

    async def _rewrite(
        self, connection: DatabaseConnection, log: LogReader, live: Generation, person: Subject
    ) -> list[str]:
        """Rewrite the rows of a person inside the caller's transaction, and return what differed. Most of the
        history is read before the position is held."""
        history = await FoldedHistory.open(connection, log, self._keyring, person)
        if history is None:
            return []
        places = await read_positions(connection, live.number, self._topic, [history.partition])
        if history.partition in places:
            await history.read_to(connection, places[history.partition].next_offset)
        end = await hold_position(connection, live.number, self._topic, history.partition)
        await history.read_to(connection, end)
        return await rewrite(connection, history.fold, history.keys, history.partition)
