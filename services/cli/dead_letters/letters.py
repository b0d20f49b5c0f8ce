"""What `vita dlq` does: finds dead letters in the ledger, and opens them from their topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.dead_letter_reasons import SENTENCES
from schemas.formats.instants import from_milliseconds, milliseconds, render
from schemas.topics import catalogue
from services.cli import addresses
from services.cli.admission import admitted
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger.dead_letters import OWNER, SYSTEM_TENANT, DeadLetter, open_dead_letter
from services.ledger.keys.subject_keys import read_keys
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.event_log import partition_of
from services.runtime.postgres.named_queries import load

SCOPE: Final = "read:dead_letters"
_CLOCKS_APART: Final = timedelta(minutes=10)
_POLL_MS: Final = 1000
_FETCH_BYTES: Final = 16 << 20

Place = tuple[str, int, int]
"""(topic, partition, offset) of the record that was quarantined"""


@dataclass(frozen=True, slots=True)
class Desk:
    """What is needed to open a letter: the keys, the broker, and a token that allows it."""

    ledger: addresses.Ledger
    kafka: KafkaAccess
    topic_prefix: str
    management_url: str
    token: str = field(repr=False)


async def list_of(
    database_url: str, tenant: str | None, reason: str | None, limit: int
) -> list[dict[str, Any]]:
    """The newest dead letters in plain values."""
    async with operator(database_url) as connection:
        rows = await connection.fetch(load("services.cli")["dead_letters"], tenant, reason, limit)
    return [_listed(row) for row in rows]


async def open_letter(desk: Desk, place: Place) -> dict[str, Any]:
    """The record of a dead letter in plain values; who opened it is noted. Raises CommandFailed."""
    principal = await admitted(desk.ledger, desk.management_url, desk.token, SCOPE)
    async with operator(desk.ledger.url) as connection:
        row = await connection.fetchrow(load("services.cli")["dead_letter"], *place)
        if row is None:
            raise CommandFailed(f"there is no dead letter of {_name(place)}", "see vita dlq list")
        if row["tenant"] not in (None, principal.tenant):
            raise CommandFailed(
                f"the record is of the tenant {row['tenant']}, the token of {principal.tenant}",
                f"use a client of it: vita clients create --tenant {row['tenant']} --scope {SCOPE}",
            )
        keys = await read_keys(
            connection, await keyring(connection, desk.ledger.key_provider), [(SYSTEM_TENANT, OWNER)]
        )
        value = await _find(desk, place, row["recorded_at"])
        letter = open_dead_letter(value, keys[SYSTEM_TENANT, OWNER])
        by = f"{principal.tenant}/{principal.client_id}"
        await connection.execute(load("services.cli")["dead_letter_opened"], *place, by)
    return _opened(letter, row["tenant"])


async def _find(desk: Desk, place: Place, recorded_at: datetime) -> bytes:
    """The letter on the dead-letter topic, sought from about the time at which it was written."""
    name = _name(place).encode()
    topic, partitions = _topic_of_letters(desk, place[0])
    spot = TopicPartition(topic, partition_of(name, partitions))
    consumer = AIOKafkaConsumer(
        **desk.kafka.arguments(), enable_auto_commit=False, max_partition_fetch_bytes=_FETCH_BYTES
    )
    await consumer.start()
    try:
        consumer.assign([spot])
        since = milliseconds(recorded_at.astimezone(UTC) - _CLOCKS_APART)
        found = (await consumer.offsets_for_times({spot: since}))[spot]
        end = (await consumer.end_offsets([spot]))[spot]
        consumer.seek(spot, end if found is None else found.offset)
        while await consumer.position(spot) < end:
            for record in (await consumer.getmany(spot, timeout_ms=_POLL_MS)).get(spot, ()):
                if record.key == name:
                    return bytes(record.value)
    finally:
        await consumer.stop()
    raise CommandFailed(f"{topic} does not hold the letter of {_name(place)} any more", "see vita dlq list")


def _topic_of_letters(desk: Desk, topic: str) -> tuple[str, int]:
    """The topic with the dead letters of a topic, and how many partitions it has."""
    for source in catalogue().values():
        if source.dead_letters and topic == addresses.topic(desk.topic_prefix, source.topic):
            letters = catalogue()[source.dead_letters]
            return addresses.topic(desk.topic_prefix, letters.topic), letters.partitions
    known = ", ".join(str(one.topic) for one in catalogue().values() if one.dead_letters)
    raise CommandFailed(f"{topic} has no dead letters", f"the topics that have are {known}")


def _opened(letter: DeadLetter, tenant: str | None) -> dict[str, Any]:
    return {
        "record": _name((letter.topic, letter.partition, letter.offset)),
        "reason": letter.reason,
        "why": SENTENCES[letter.reason],
        "detail": letter.detail,
        "tenant": tenant,
        "time": render(from_milliseconds(letter.timestamp)),
        "key": _text(letter.key),
        "headers": [[name.encode("utf-8", "replace").decode(), _text(text)] for name, text in letter.headers],
        "value": _text(letter.value),
        "whole": letter.whole,
    }


def _text(content: bytes | None) -> str | None:
    """Readable, whatever the bytes are."""
    return None if content is None else content.decode("utf-8", "backslashreplace")


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    age = datetime.now(UTC) - row["recorded_at"]
    return {
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["log_offset"],
        "reason": row["reason"],
        "detail": row["detail"],
        "tenant": row["tenant"],
        "recorded_at": render(row["recorded_at"].astimezone(UTC)),
        "age_seconds": max(0.0, round(age.total_seconds(), 1)),
        "opened_at": row["opened_at"] and render(row["opened_at"].astimezone(UTC)),
        "opened_by": row["opened_by"],
    }


def _name(place: Place) -> str:
    return "/".join(map(str, place))
