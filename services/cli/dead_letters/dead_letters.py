"""Finds dead letters in the ledger and reads them from their topic."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from projections.row import Row
from schemas.dead_letter_reasons import SENTENCES
from schemas.formats.instants import from_milliseconds, milliseconds, render
from schemas.sealing.mapper import KeyDestroyed
from schemas.topics import catalogue
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger import dead_letters
from services.ledger.dead_letters import DeadLetter, key_owner_of, open_dead_letter
from services.ledger.keys.subject_keys import read_keys
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import partition_of

SCOPE: Final = "read:dead_letters"
_CLOCKS_APART: Final = timedelta(minutes=10)

RecordPosition = tuple[str, int, int]
"""(topic, partition, offset) of the quarantined record in its source topic"""


@dataclass(frozen=True, slots=True)
class DeadLetterAccess:
    """The access that opening a dead letter requires: the keys, the broker, and a token with the scope."""

    ledger: addresses.Ledger
    kafka: KafkaAccess
    topic_prefix: str
    management_url: str
    token: str = field(repr=False)


async def list_dead_letters(
    database_url: str, tenant: str | None, reason: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return up to `limit` dead letters as JSON values, the newest first.

    `tenant` and `reason` restrict the result; None means any.
    """
    async with operator(database_url) as connection:
        rows = await dead_letters.list_dead_letters(connection, tenant, reason, limit)
    return [_listed(row) for row in rows]


async def open_record(access: DeadLetterAccess, place: RecordPosition) -> dict[str, Any]:
    """Return a quarantined record as JSON values, and record in the ledger which client opened it.

    Raises CommandFailed when the token lacks the scope, when there is no such dead letter, when it belongs
    to another tenant, or when its key is destroyed.
    """
    principal = await require_scope(access.ledger, access.management_url, access.token, SCOPE)
    async with operator(access.ledger.url) as connection:
        row = await dead_letters.find_dead_letter(connection, *place)
        if row is None:
            raise CommandFailed(
                f"there is no dead letter of {_name(place)}", "list them with `vita dlq list`"
            )
        if row["tenant"] not in (None, principal.tenant):
            raise CommandFailed(
                f"the record belongs to the tenant {row['tenant']}, the token to {principal.tenant}",
                f"use a client of that tenant: vita clients create --tenant {row['tenant']} --scope {SCOPE}",
            )
        value = await _find(access, place, row["recorded_at"])
        owner = key_owner_of(value)
        ring = await keyring(connection, access.ledger.key_provider)
        keys = await read_keys(connection, ring, [owner])
        try:
            letter = open_dead_letter(value, keys.get(owner))
        except KeyDestroyed as error:
            raise CommandFailed(
                f"the key of the dead letter of {_name(place)} is destroyed: nobody can read the record",
                "`vita dlq list` still shows when and why the record was quarantined",
            ) from error
        by = f"{principal.tenant}/{principal.client_id}"
        await dead_letters.note_opened(connection, *place, by)
    return _opened(letter, row["tenant"])


async def _find(access: DeadLetterAccess, place: RecordPosition, recorded_at: datetime) -> bytes:
    """Return the dead letter's value. The search begins at the time at which the dead letter was recorded."""
    name = _name(place).encode()
    topic, partitions = _topic_of_letters(access, place[0])
    partition = partition_of(name, partitions)
    since = milliseconds(recorded_at.astimezone(UTC) - _CLOCKS_APART)
    async with open_log(access.kafka, topic) as log:
        end = await log.end(partition)
        await log.go_to(partition, await log.offset_at(partition, since))
        while records := await log.records(end):
            for record in records:
                if record.key == name:
                    return bytes(record.value)
    raise CommandFailed(
        f"{topic} no longer holds the dead letter of {_name(place)}", "list them with `vita dlq list`"
    )


def _topic_of_letters(access: DeadLetterAccess, topic: str) -> tuple[str, int]:
    """Return the dead-letter topic of a topic, and its number of partitions."""
    for source in catalogue().values():
        if source.dead_letters and topic == addresses.topic(access.topic_prefix, source.topic):
            letters = catalogue()[source.dead_letters]
            return addresses.topic(access.topic_prefix, letters.topic), letters.partitions
    known = ", ".join(str(one.topic) for one in catalogue().values() if one.dead_letters)
    raise CommandFailed(f"the topic {topic} has no dead letters", f"name one of: {known}")


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
    """Decode the bytes as UTF-8; invalid bytes are escaped."""
    return None if content is None else content.decode("utf-8", "backslashreplace")


def _listed(row: Row) -> dict[str, Any]:
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


def _name(place: RecordPosition) -> str:
    return "/".join(map(str, place))
