"""Logins that can never be processed: kept as dead letters, and told of in the log of their tenant where it
is certain whose they are.

The log tells of the first one of a tenant, reason and minute, so that a broken gateway cannot fill it. Which
one that is is decided in the transaction that notes the letters, and stays so however often a batch is
repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.events import LoginQuarantined, LoginQuarantinedData
from schemas.formats.identifiers import derived, tenant_subject
from schemas.formats.instants import from_milliseconds, truncate
from schemas.logins.raw_login import RawLogin
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record, seal_event
from services.ledger.dead_letters import Sealed, find_noted, note, send
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.quarantine_notices import Notice, lock_notices, update_notices
from services.normalizer.decide import FOREIGN_IDENTITY, SOURCE, login_cause
from services.runtime.kafka.event_log import EventLog
from services.runtime.postgres.pool import database_failures

MINUTE: Final = 60
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose login it certainly is, and what is known of it."""

    tenant: str
    gateway: str | None = None
    login_id: str | None = None
    login: RawLogin | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A quarantined login. `origin` is None where nobody can tell whose it is."""

    record: ConsumerRecord
    error: InvalidEvent
    origin: Origin | None
    sealed: Sealed

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.record.partition, self.record.offset

    @property
    def stored_at(self) -> datetime:
        """The broker's time of the record."""
        return truncate(from_milliseconds(self.record.timestamp))

    @property
    def column(self) -> tuple[str, str] | None:
        """The tenant and the reason among which letters are counted; None for what this event does not tell.
        A login of another connection's identity has a failed login to tell of it."""
        if self.origin is None or self.error.reason == FOREIGN_IDENTITY:
            return None
        return self.origin.tenant, self.error.reason


def tell(notice: Notice, minute: int) -> tuple[Notice, int | None]:
    """Return the notice after one more letter, stored in that minute; and for a letter that the log tells of,
    how many others there were since the one before, else None."""
    if minute > notice.minute:
        return Notice(minute), notice.untold
    return notice._replace(untold=notice.untold + 1), None


def quarantined(letter: Letter, origin: Origin, epoch: int, earlier: int) -> LoginQuarantined:
    """The event that tells a tenant of a letter; the same one however often it is made."""
    record, error, login = letter.record, letter.error, origin.login
    position = f"{epoch}/{record.partition}/{record.offset}"
    return LoginQuarantined(
        id=derived("quarantined login", record.topic, position),
        source=SOURCE,
        subject=tenant_subject(origin.tenant),
        time=letter.stored_at,
        tenant=origin.tenant,
        actor="system:normalizer",
        causationid=None if login is None else login_cause(login),
        sourceposition=position,
        data=LoginQuarantinedData(
            reason=error.reason,
            record=f"{record.topic}/{record.partition}/{record.offset}",
            earlier=earlier,
            detail=error.detail,
            gateway=origin.gateway,
            connection=None if login is None else login.data.connection,
            login_source=None if login is None else login.source,
            login_id=origin.login_id if login is None else login.id,
        ),
    )


class Quarantine:
    """Where letters go: their topic, the ledger, and as events the log."""

    def __init__(self, log: EventLog, pool: asyncpg.Pool, keyring: Keyring, epoch: int) -> None:
        self._log = log
        self._pool = pool
        self._keyring = keyring
        self._epoch = epoch

    async def keep(self, letters: Sequence[Letter]) -> list[Record]:
        """Keep the letters, and return the records of the events that tell tenants of them, to be appended
        before the position moves. Raises Transient; repeating it keeps and tells nothing twice."""
        if not letters:
            return []
        await send((letter.sealed for letter in letters), self._log)
        with database_failures():
            async with self._pool.acquire() as connection:
                async with connection.transaction():
                    by_place = {letter.place: letter for letter in reversed(letters)}
                    told = await _note(connection, by_place, datetime.now(UTC))
                tenants = {origin.tenant for _, origin, _ in told}
                keys = {
                    name: await ensure_keys(connection, self._keyring, name, tenant_subject(name))
                    for name in sorted(tenants)
                }
        return self._sealed(told, keys)

    def _sealed(
        self, told: Iterable[tuple[Letter, Origin, int]], keys: Mapping[str, SubjectKeys]
    ) -> list[Record]:
        records = []
        for letter, origin, earlier in told:
            event = quarantined(letter, origin, self._epoch, earlier)
            try:
                records.append(seal_event(event, keys[origin.tenant]))
            except KeyDestroyed:
                _log.warning("quarantined_login_untold", tenant=origin.tenant, record=event.data.record)
        return records


async def _note(
    connection: asyncpg.Connection, letters: Mapping[tuple[int, int], Letter], now: datetime
) -> list[tuple[Letter, Origin, int]]:
    """Note the letters in the ledger and decide which of them are told of; those noted before stay as they
    are. Return those told of, with how many others there were before each. A record from the future counts as
    of `now`, or none would be told of until then."""
    notices = await lock_notices(
        connection, sorted({letter.column for letter in letters.values() if letter.column})
    )
    known = await find_noted(connection, [letter.record.topic for letter in letters.values()], letters)
    decided: dict[tuple[int, int], int | None] = dict(known)
    changed = dict(notices)
    for place, letter in sorted(letters.items(), key=lambda item: (item[1].record.timestamp, item[0])):
        if place not in known and letter.column is not None:
            minute = int(min(letter.stored_at, now).timestamp()) // MINUTE
            changed[letter.column], decided[place] = tell(changed[letter.column], minute)
    rows = [(*letter.sealed.row, decided.get(place)) for place, letter in letters.items()]
    await note(connection, rows)
    moved = {column: notice for column, notice in changed.items() if notice != notices[column]}
    await update_notices(connection, moved)
    return [
        (letters[place], origin, earlier)
        for place in sorted(letters)
        if (earlier := decided.get(place)) is not None and (origin := letters[place].origin) is not None
    ]
