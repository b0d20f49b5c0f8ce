"""Quarantines logins that can never be processed, and reports them in the log of their tenant if that is
certain.

The log reports the first login for each tenant, reason and minute, so that a faulty gateway cannot fill
it. The transaction that records the dead letters decides which login that is, and the decision is kept if
a batch is repeated.
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
from services.ledger.dead_letters import DeadLetters, Quarantined, find_noted, note
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.quarantine_notices import Notice, lock_notices, update_notices
from services.normalizer.decide import FOREIGN_IDENTITY, SOURCE, login_cause
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.postgres.pool import DatabaseConnection, database_failures

MINUTE: Final = 60
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Origin:
    """The tenant to which a login certainly belongs, and the known facts about the login."""

    tenant: str
    gateway: str | None = None
    login_id: str | None = None
    login: RawLogin | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A quarantined login. `origin` is None if its tenant is not certain, `subject` if its user is not
    known."""

    record: ConsumerRecord
    error: InvalidEvent
    origin: Origin | None
    subject: str | None = None

    @property
    def quarantined(self) -> Quarantined:
        """Return the part of the letter that is stored."""
        tenant = None if self.origin is None else self.origin.tenant
        return Quarantined(self.record, self.error, tenant, self.subject)

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset of the record."""
        return self.record.partition, self.record.offset

    @property
    def stored_at(self) -> datetime:
        """When the broker stored the record."""
        return truncate(from_milliseconds(self.record.timestamp))

    @property
    def notice_key(self) -> tuple[str, str] | None:
        """The tenant and the reason by which letters are counted, or None if no event reports this letter.

        A login with another connection's identity is reported by a failed login instead.
        """
        if self.origin is None or self.error.reason == FOREIGN_IDENTITY:
            return None
        return self.origin.tenant, self.error.reason


def count_letter(notice: Notice, minute: int) -> tuple[Notice, int | None]:
    """Count a letter that was stored in `minute`.

    Returns the new notice and, if the log reports this letter, how many letters before it were not
    reported, else None.
    """
    if minute > notice.minute:
        return Notice(minute), notice.unreported
    return notice._replace(unreported=notice.unreported + 1), None


def quarantined(letter: Letter, origin: Origin, epoch: int, earlier: int) -> LoginQuarantined:
    """Return the event that reports a letter to its tenant. It has the same id each time."""
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
    """Stores letters on their topic and in the ledger, and makes the events that report them."""

    def __init__(
        self, log: LogWriter, pool: asyncpg.Pool, keyring: Keyring, epoch: int, most_per_hour: int
    ) -> None:
        self._dead_letters = DeadLetters(log, pool, keyring, most_per_hour)
        self._pool = pool
        self._keyring = keyring
        self._epoch = epoch

    async def keep(self, letters: Sequence[Letter]) -> list[Record]:
        """Store the letters, and return the records of the events that report them.

        The caller appends the records before it moves its position. Raises Transient, and WorkerFailed if
        there are too many; repeating the call stores and reports nothing twice.
        """
        if not letters:
            return []
        await self._dead_letters.send([letter.quarantined for letter in letters])
        with database_failures():
            async with self._pool.acquire() as connection:
                async with connection.transaction():
                    by_place = {letter.place: letter for letter in reversed(letters)}
                    reported = await _record(connection, by_place, datetime.now(UTC))
                tenants = {origin.tenant for _, origin, _ in reported}
                keys = {
                    name: await ensure_keys(connection, self._keyring, name, tenant_subject(name))
                    for name in sorted(tenants)
                }
        await self._dead_letters.check_rate(letters[0].record.topic)
        return self._sealed(reported, keys)

    def _sealed(
        self, reported: Iterable[tuple[Letter, Origin, int]], keys: Mapping[str, SubjectKeys]
    ) -> list[Record]:
        records = []
        for letter, origin, earlier in reported:
            event = quarantined(letter, origin, self._epoch, earlier)
            try:
                records.append(seal_event(event, keys[origin.tenant]))
            except KeyDestroyed:
                _log.warning("quarantined_login_unreported", tenant=origin.tenant, record=event.data.record)
        return records


async def _record(
    connection: DatabaseConnection, letters: Mapping[tuple[int, int], Letter], now: datetime
) -> list[tuple[Letter, Origin, int]]:
    """Record the letters in the ledger and decide which of them are reported.

    Earlier decisions are kept. Returns the reported letters, each with the number of unreported ones
    before it. A record from the future counts as of `now`, because otherwise no letter would be reported
    until then.
    """
    notices = await lock_notices(
        connection, sorted({letter.notice_key for letter in letters.values() if letter.notice_key})
    )
    known = await find_noted(connection, [letter.record.topic for letter in letters.values()], letters)
    decided: dict[tuple[int, int], int | None] = dict(known)
    changed = dict(notices)
    for place, letter in sorted(letters.items(), key=lambda item: (item[1].record.timestamp, item[0])):
        if place not in known and letter.notice_key is not None:
            minute = int(min(letter.stored_at, now).timestamp()) // MINUTE
            changed[letter.notice_key], decided[place] = count_letter(changed[letter.notice_key], minute)
    rows = [(*letter.quarantined.row, decided.get(place)) for place, letter in letters.items()]
    await note(connection, rows)
    updated = {notice_key: notice for notice_key, notice in changed.items() if notice != notices[notice_key]}
    await update_notices(connection, updated)
    return [
        (letters[place], origin, earlier)
        for place in sorted(letters)
        if (earlier := decided.get(place)) is not None and (origin := letters[place].origin) is not None
    ]
