"""Quarantine: a record that can never be processed is kept whole and sealed, with the reason and its
position.

A dead letter is sealed with a key that erasure and expiry can reach: that of the subject whose personal data
the record holds where that is known, otherwise one of its tenant and the day, or one of the installation and
the day where not even the tenant is known.
"""

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import asyncpg
import orjson
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import DeadLetterReason, InvalidEvent
from schemas.formats.identifiers import PERSON
from schemas.sealing.blobs import associated_data, seal, unseal
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record
from services.ledger.keys.subject_keys import ensure_keys, read_keys
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.replays import letters_of_last_hour
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.kafka.record_batches import name_bytes, name_text
from services.runtime.metrics.catalogue import DEAD_LETTERS
from services.runtime.metrics.meters import count
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection, database_failures
from services.runtime.worker.intake import WorkerFailed

SYSTEM_TENANT: Final = "system"
DAY_KEY: Final = "letters_"
"""Begins the names of the owners of keys that seal dead letters of one day."""
MOST_BYTES: Final = 4_500_000
"""A larger record, possible only in a compressed batch, does not fit a dead letter; its beginning is kept."""
NOTED_SECONDS: Final = 30 * 86_400.0
"""As long as the dead-letter topics keep what is noted."""
_HEADER_OVERHEAD_BYTES: Final = 12
"""An upper bound for the bytes around a header in a dead letter, before encoding."""
_NO_KEYS: Final = SubjectKeys(1, None, None)
_KEPT_KEY_BYTES, _KEPT_VALUE_BYTES = 65_536, 1_000_000
_log = structlog.get_logger()

KeyOwner = tuple[str, str]
"""Tenant and owner of keys in the ledger."""
LetterRow = tuple[str, int, int, str, str, str | None]
"""Topic, partition and offset of the record, reason, detail, tenant."""
Noted = tuple[str, int, int, str, str, str | None, int | None]
"""A `LetterRow`, and how many other dead letters the tenant's log entry for this one covers; None without a
log entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A quarantined record as it was; not `whole` when only its beginning was kept."""

    reason: DeadLetterReason
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    tenant: str | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record to be kept as a dead letter, and why.

    `tenant` is named when it is known for certain, `subject` when it is also known whose personal data the
    record holds.
    """

    record: ConsumerRecord
    error: InvalidEvent
    tenant: str | None = None
    subject: str | None = None

    @property
    def row(self) -> LetterRow:
        """What the ledger notes."""
        record, error = self.record, self.error
        return record.topic, record.partition, record.offset, error.reason, error.detail, self.tenant

    def owner(self, day: date) -> KeyOwner:
        """Whose key seals it: the subject's own where that is known, otherwise the tenant's of the day; the
        installation's of the day where no tenant is known."""
        if self.tenant is not None and self.subject is not None and self.subject.startswith(PERSON):
            return self.tenant, self.subject
        return self.tenant or SYSTEM_TENANT, f"{DAY_KEY}{day.isoformat()}"


def seal_dead_letter(quarantined: Quarantined, owner: KeyOwner, keys: SubjectKeys) -> Record:
    """Return the dead letter of a record, of whose content nothing is readable. The content is left out if
    the owner's key has been destroyed."""
    record, error = quarantined.record, quarantined.error
    place = f"{record.topic}/{record.partition}/{record.offset}"
    blob = None
    if keys.profile is not None:
        content = orjson.dumps(_content(record))
        blob = seal(keys.profile, keys.version, content, associated_data("dead letter", place, *owner))
    letter = {
        "reason": error.reason,
        "detail": error.detail,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "tenant": quarantined.tenant,
        "key_owner": owner,
        "sealed": _text(blob),
    }
    return Record(place.encode(), orjson.dumps(letter))


class DeadLetters:
    """Where a worker keeps records that it cannot process: a topic, and a row of the ledger for each."""

    def __init__(self, log: LogWriter, pool: asyncpg.Pool, keyring: Keyring, most_per_hour: int) -> None:
        """`most_per_hour` is how many dead letters of a topic may be recorded within an hour before the
        worker stops."""
        self._log, self._pool, self._keyring = log, pool, keyring
        self._most_per_hour = most_per_hour
        self._day_keys: dict[KeyOwner, SubjectKeys] = {}

    async def keep(self, quarantined: Sequence[Quarantined]) -> None:
        """Put dead letters on their topic and note them in the ledger, where status and commands find them.
        Raises Transient, and WorkerFailed if there are too many; repeating it notes nothing twice."""
        if not quarantined:
            return
        await self.send(quarantined)
        with database_failures():
            async with self._pool.acquire() as connection:
                await note(connection, [(*one.row, None) for one in quarantined])
        await self.check_rate(quarantined[0].record.topic)

    async def check_rate(self, topic: str) -> None:
        """Stop the worker if too many dead letters of a topic were recorded within the last hour, replayed
        and dropped ones not counted: so many are rather the fault of the installation.

        Raises WorkerFailed if there are too many, and Transient.
        """
        with database_failures():
            async with self._pool.acquire() as connection:
                count = await letters_of_last_hour(connection, topic)
        if count > self._most_per_hour:
            raise WorkerFailed(
                f"{count} records of {topic} were quarantined within an hour, more than"
                f" {self._most_per_hour} (VITA_DEAD_LETTERS_PER_HOUR): `vita dlq list` names the reasons;"
                " raise the limit, or settle them with `vita dlq replay` or `vita dlq drop`"
            )

    async def send(self, quarantined: Sequence[Quarantined]) -> None:
        """Put dead letters on their topic. Raises Transient, and WorkerFailed if there are too many
        already."""
        if quarantined:
            await self.check_rate(quarantined[0].record.topic)
        today = datetime.now(UTC).date()
        owners = [one.owner(today) for one in quarantined]
        with database_failures():
            async with self._pool.acquire() as connection:
                keys = await self._keys(connection, set(owners))
        await self._log.append_many(
            seal_dead_letter(one, owner, keys[owner]) for one, owner in zip(quarantined, owners, strict=True)
        )

    async def _keys(
        self, connection: DatabaseConnection, owners: Collection[KeyOwner]
    ) -> dict[KeyOwner, SubjectKeys]:
        """The owners' keys. Those of a day are made when there are none; those of subjects are read each
        time, for they may have been destroyed, and a subject without keys has none to seal with."""
        days = {owner for owner in owners if owner[1].startswith(DAY_KEY)}
        day_keys = {owner: keys for owner, keys in self._day_keys.items() if owner in days}
        for tenant, owner in sorted(days - day_keys.keys()):
            day_keys[tenant, owner] = await ensure_keys(connection, self._keyring, tenant, owner)
        self._day_keys = day_keys
        subjects = sorted(set(owners) - days)
        known = await read_keys(connection, self._keyring, subjects) if subjects else {}
        return dict.fromkeys(subjects, _NO_KEYS) | known | day_keys


async def note(connection: DatabaseConnection, rows: Sequence[Noted]) -> None:
    """Note dead letters in the ledger, none of them twice."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(_query("note"), *columns, NOTED_SECONDS)
    for row in rows:
        count(DEAD_LETTERS, row[3])


async def find_noted(
    connection: DatabaseConnection, topics: Sequence[str], places: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], int | None]:
    """Return those of these records, (partition, offset) of a topic each, that are noted already, with the
    number of other dead letters that the tenant's log entry for each covers; None without a log entry."""
    columns = [list(column) for column in zip(*places, strict=True)]
    rows = await connection.fetch(_query("find_noted"), topics, *columns)
    return {(row["partition"], row["log_offset"]): row["earlier"] for row in rows}


async def list_dead_letters(
    connection: DatabaseConnection,
    tenant: str | None,
    reason: str | None,
    limit: int,
    settled: bool = False,
) -> list[asyncpg.Record]:
    """Return the newest dead letters, of one tenant or for one reason where they are given, without those
    that were replayed or dropped unless `settled`: `topic`, `partition`, `log_offset`, `reason`, `detail`,
    `tenant`, `recorded_at`, `opened_at`, `opened_by`, `requested_at`, `requested_by`, `settled_at`,
    `outcome`."""
    return await connection.fetch(_query("list"), tenant, reason, limit, settled)


async def find_dead_letter(
    connection: DatabaseConnection, topic: str, partition: int, offset: int
) -> asyncpg.Record | None:
    """Return the dead letter of a record, with the first columns of `list_dead_letters`; None if there is
    none."""
    return await connection.fetchrow(_query("find"), topic, partition, offset)


async def note_opened(
    connection: DatabaseConnection, topic: str, partition: int, offset: int, opened_by: str
) -> None:
    """Record who opened a dead letter last."""
    await connection.execute(_query("note_opened"), topic, partition, offset, opened_by)


async def count_dead_letters(connection: DatabaseConnection) -> list[asyncpg.Record]:
    """Return how many unsettled dead letters there are for each reason: `reason`, `total`, `oldest`,
    `newest`, `last_day`."""
    return await connection.fetch(_query("count"))


def report(record: ConsumerRecord, error: InvalidEvent, heartbeat: Heartbeat) -> None:
    """Log a refused record; one that is not authentic is an alarm: it is counted and logged as an error."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    if error.reason == "not_authentic":
        heartbeat.refused(f"{record.topic}/{record.partition}/{record.offset}")
        _log.error("not_authentic", **place, detail=error.detail)
    else:
        _log.warning("dead_letter", **place, reason=error.reason)


def key_owner_of(value: bytes) -> KeyOwner:
    """Whose key opens a dead letter: tenant and owner."""
    tenant, owner = orjson.loads(value)["key_owner"]
    return tenant, owner


def open_dead_letter(value: bytes, keys: SubjectKeys | None) -> DeadLetter:
    """The record behind a dead letter, opened with the keys of `key_owner_of`. Raises CannotUnseal, or
    KeyDestroyed when there is no key any more that opens it."""
    letter = orjson.loads(value)
    place, owner = f"{letter['topic']}/{letter['partition']}/{letter['offset']}", letter.pop("key_owner")
    blob = _bytes(letter.pop("sealed"))
    if blob is None or keys is None or keys.profile is None:
        raise KeyDestroyed("profile")
    content = orjson.loads(unseal(keys.profile, blob, associated_data("dead letter", place, *owner)))
    headers = tuple((name_text(_bytes(name) or b""), _bytes(text)) for name, text in content["headers"])
    return DeadLetter(
        **letter,
        key=_bytes(content["key"]),
        value=_bytes(content["value"]),
        headers=headers,
        whole=content["whole"],
    )


def _content(record: ConsumerRecord) -> dict[str, Any]:
    key, value, headers = record.key, record.value, record.headers
    size = len(key or b"") + len(value or b"")
    size += sum(len(name) + len(text or b"") + _HEADER_OVERHEAD_BYTES for name, text in headers)
    whole = size <= MOST_BYTES
    if not whole:
        headers = ()
        key = key and key[:_KEPT_KEY_BYTES]
        value = value and value[:_KEPT_VALUE_BYTES]
    return {
        "key": _text(key),
        "value": _text(value),
        "headers": [[_text(name_bytes(name)), _text(text)] for name, text in headers],
        "whole": whole,
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _query(name: str) -> str:
    return load("services.ledger", "dead_letters.sql")[name]
