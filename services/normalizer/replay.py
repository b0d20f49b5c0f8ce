"""logins.raw.dlq -> profile.events: replays quarantined logins that an operator has asked for, at least once;
exactly once in effect.

A replayed login takes the way of any other, with the place and the time at which the broker stored its raw
record. Its event names that place as the source of a replay, so that a second replay, or the raw record
itself when it is read again, is recognised as the same login.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent, Transient
from schemas.sealing.keys import Keyring
from schemas.sealing.mapper import KeyDestroyed, Record
from services.ledger.dead_letter_topic import find_on_topic
from services.ledger.dead_letters import DeadLetter, key_owner_of, open_dead_letter
from services.ledger.keys.subject_keys import read_keys
from services.ledger.replays import RequestedLetter, next_requested
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.postgres.pool import database_failures
from services.runtime.worker.intake import WorkerFailed

INTERVAL_SECONDS: Final = 1.0
_log = structlog.get_logger()

Process = Callable[[ConsumerRecord], Awaitable[Sequence[Record] | InvalidEvent]]
"""Processes a raw record as the worker does: the events it comes to, or why it is refused."""


class LoginReplays:
    """Replays the dead letters of `logins.raw` whose replay is requested, in the order of the topic."""

    def __init__(
        self,
        kafka: KafkaAccess,
        topics: tuple[str, str],
        pool: asyncpg.Pool,
        keyring: Keyring,
        log: LogWriter,
    ) -> None:
        """`topics` are the source topic and that of its dead letters, `log` is where events are appended."""
        self._kafka, (self._topic, self._letters) = kafka, topics
        self._pool, self._keyring, self._log = pool, keyring, log

    async def replay_requested(self, process: Process) -> int:
        """Replay every letter that is requested, and return how many there were. Raises Transient."""
        count = 0
        with database_failures():
            while await self._replay_next(process):
                count += 1
        return count

    async def _replay_next(self, process: Process) -> bool:
        async with next_requested(self._pool, self._topic) as requested:
            if requested is None:
                return False
            found = await self._record(requested.letter)
            outcome = found if isinstance(found, InvalidEvent) else await _outcome(process, found)
            if isinstance(outcome, InvalidEvent):
                await requested.refused(outcome)
            else:
                await self._log.append_many(outcome)
                await requested.replayed()
            refused = isinstance(outcome, InvalidEvent)
            _log.info("dead_letter_replayed", record=requested.letter.name, refused=refused)
        return True

    async def _record(self, letter: RequestedLetter) -> ConsumerRecord | InvalidEvent:
        """The quarantined record as the broker held it, or why it cannot be processed."""
        if letter.reason == "unreadable_batch":
            return InvalidEvent("unreadable_batch", "the batch of the record cannot be taken apart")
        value = await find_on_topic(self._kafka, self._letters, letter.name, letter.recorded_at)
        if value is None:
            return InvalidEvent("unprocessable", "the dead letter has expired")
        owner = key_owner_of(value)
        async with self._pool.acquire() as connection:
            keys = await read_keys(connection, self._keyring, [owner])
        try:
            found = open_dead_letter(value, keys.get(owner))
        except KeyDestroyed:
            return InvalidEvent("no_key", "the key of the dead letter has been destroyed")
        if not found.whole:
            return InvalidEvent("too_large", "only the beginning of the record was kept")
        return _as_consumed(found)


async def _outcome(process: Process, record: ConsumerRecord) -> Sequence[Record] | InvalidEvent:
    """What a record comes to. One that fails for an unknown reason is refused again, so that it does not keep
    others from being replayed."""
    try:
        return await process(record)
    except (Transient, WorkerFailed, asyncpg.PostgresError):
        raise
    except Exception as error:
        _log.error("record_unprocessable", error=type(error).__name__, exc_info=error)
        return InvalidEvent("unprocessable", type(error).__name__)


def _as_consumed(letter: DeadLetter) -> ConsumerRecord:
    return ConsumerRecord(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp=letter.timestamp,
        timestamp_type=1,
        key=letter.key,
        value=letter.value,
        checksum=None,
        serialized_key_size=len(letter.key or b""),
        serialized_value_size=len(letter.value or b""),
        headers=letter.headers,
    )
