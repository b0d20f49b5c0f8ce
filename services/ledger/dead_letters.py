"""Quarantine: a record that will never be right is kept whole and sealed, with the reason and where it
stood."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import DeadLetterReason, InvalidEvent
from schemas.sealing.blobs import associated_data, seal, unseal
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import Record
from services.ledger.progress.heartbeats import Heartbeat
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.kafka.record_batches import name_bytes, name_text
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import database_failures

SYSTEM_TENANT: Final = "system"
OWNER: Final = "ten_system"
MOST_BYTES: Final = 4_500_000
"""A larger record, possible only in a compressed batch, does not fit a dead letter; its beginning is kept."""
NOTED_SECONDS: Final = 30 * 86_400.0
"""As long as the dead-letter topics keep what is noted."""
_HEADER_OVERHEAD_BYTES: Final = 12
"""More than what stands around a header in a dead letter, before that is encoded."""
_KEPT_KEY_BYTES, _KEPT_VALUE_BYTES = 65_536, 1_000_000
_log = structlog.get_logger()

Row = tuple[str, int, int, str, str, str | None]
"""Topic, partition and offset of the record, reason, detail, tenant."""
Noted = tuple[str, int, int, str, str, str | None, int | None]
"""The same, with how many others the tenant's log tells of together with this one; None where it tells of
none."""


@dataclass(frozen=True, slots=True)
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
class Sealed:
    """A dead letter to be kept: its record on the dead-letter topic, and its row in the ledger."""

    record: Record
    row: Row


def seal_dead_letter(
    record: ConsumerRecord, error: InvalidEvent, keys: SubjectKeys, tenant: str | None = None
) -> Sealed:
    """Return the dead letter of a record, of whose content nothing is readable. `tenant` is the record's,
    None unless it is known for certain. Raises ValueError when the key has been destroyed."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    if keys.profile is None:
        raise ValueError("the dead-letter key has been destroyed")
    content = orjson.dumps(_content(record))
    blob = seal(keys.profile, keys.version, content, associated_data("dead letter", place))
    letter = {
        "reason": error.reason,
        "detail": error.detail,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "tenant": tenant,
        "sealed": _text(blob),
    }
    row = record.topic, record.partition, record.offset, error.reason, error.detail, tenant
    return Sealed(Record(place.encode(), orjson.dumps(letter)), row)


async def keep(letters: Sequence[Sealed], log: LogWriter, pool: asyncpg.Pool) -> None:
    """Put dead letters on their topic and note them in the ledger, where status and commands find them.
    Raises Transient; repeating it notes nothing twice."""
    if not letters:
        return
    await send(letters, log)
    with database_failures():
        async with pool.acquire() as connection:
            await note(connection, [(*letter.row, None) for letter in letters])


async def send(letters: Iterable[Sealed], log: LogWriter) -> None:
    """Put dead letters on their topic. Raises Transient."""
    await log.append_many([letter.record for letter in letters])


async def note(connection: asyncpg.Connection, rows: Sequence[Noted]) -> None:
    """Note dead letters in the ledger, none of them twice."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(_query("note"), *columns, NOTED_SECONDS)


async def find_noted(
    connection: asyncpg.Connection, topics: Sequence[str], places: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], int | None]:
    """Return those of these records, (partition, offset) of a topic each, that are noted already, with how
    many others the tenant's log tells of together with each; None where it tells of none."""
    columns = [list(column) for column in zip(*places, strict=True)]
    rows = await connection.fetch(_query("find_noted"), topics, *columns)
    return {(row["partition"], row["log_offset"]): row["earlier"] for row in rows}


async def list_dead_letters(
    connection: asyncpg.Connection, tenant: str | None, reason: str | None, limit: int
) -> list[asyncpg.Record]:
    """Return the newest dead letters, of one tenant or for one reason where they are given: `topic`,
    `partition`, `log_offset`, `reason`, `detail`, `tenant`, `recorded_at`, `opened_at`, `opened_by`."""
    rows: list[asyncpg.Record] = await connection.fetch(_query("list"), tenant, reason, limit)
    return rows


async def find_dead_letter(
    connection: asyncpg.Connection, topic: str, partition: int, offset: int
) -> asyncpg.Record | None:
    """Return the dead letter of a record, as `list_dead_letters` does; None if there is none."""
    return await connection.fetchrow(_query("find"), topic, partition, offset)


async def note_opened(
    connection: asyncpg.Connection, topic: str, partition: int, offset: int, opened_by: str
) -> None:
    """Record who opened a dead letter last."""
    await connection.execute(_query("note_opened"), topic, partition, offset, opened_by)


async def count_dead_letters(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return how many dead letters there are for each reason: `reason`, `total`, `oldest`, `newest`,
    `last_day`."""
    rows: list[asyncpg.Record] = await connection.fetch(_query("count"))
    return rows


def report(record: ConsumerRecord, error: InvalidEvent, heartbeat: Heartbeat) -> None:
    """Log a refused record; one that is not authentic is an alarm: it is counted and logged as an error."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    if error.reason == "not_authentic":
        heartbeat.refused(f"{record.topic}/{record.partition}/{record.offset}")
        _log.error("not_authentic", **place, detail=error.detail)
    else:
        _log.warning("dead_letter", **place, reason=error.reason)


def open_dead_letter(value: bytes, keys: SubjectKeys) -> DeadLetter:
    """The record behind a dead letter. Raises CannotUnseal."""
    letter = orjson.loads(value)
    place = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
    if keys.profile is None:
        raise ValueError("the dead-letter key has been destroyed")
    blob = base64.b64decode(letter.pop("sealed"))
    content = orjson.loads(unseal(keys.profile, blob, associated_data("dead letter", place)))
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
