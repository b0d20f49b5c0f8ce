"""Finds dead letters in the ledger and reads them from their topic."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from projections.row import Row
from schemas.dead_letter_reasons import SENTENCES
from schemas.formats.instants import from_milliseconds, render
from schemas.sealing.mapper import KeyDestroyed
from schemas.topics import catalogue
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger import dead_letters
from services.ledger.dead_letter_topic import find_on_topic
from services.ledger.dead_letters import DeadLetter, key_owner_of, open_dead_letter
from services.ledger.keys.subject_keys import read_keys
from services.runtime.kafka.access import KafkaAccess

SCOPE: Final = "read:dead_letters"

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
    database_url: str, tenant: str | None, reason: str | None, limit: int, settled: bool = False
) -> list[dict[str, Any]]:
    """Return up to `limit` dead letters as JSON values, the newest first.

    `tenant` and `reason` restrict the result; None means any. `settled` includes those that were replayed or
    dropped.
    """
    async with operator(database_url) as connection:
        rows = await dead_letters.list_dead_letters(connection, tenant, reason, limit, settled)
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
    """Return the dead letter's value. Raises CommandFailed."""
    topic = _topic_of_letters(access, place[0])
    found = await find_on_topic(access.kafka, topic, _name(place), recorded_at)
    if found is None:
        raise CommandFailed(
            f"{topic} no longer holds the dead letter of {_name(place)}", "list them with `vita dlq list`"
        )
    return found


def _topic_of_letters(access: DeadLetterAccess, topic: str) -> str:
    """Return the dead-letter topic of a topic."""
    for source in catalogue().values():
        if source.dead_letters and topic == addresses.topic(access.topic_prefix, source.topic):
            return addresses.topic(access.topic_prefix, source.dead_letters)
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
        "state": row["outcome"] or ("replaying" if row["requested_at"] else "quarantined"),
        "settled_at": row["settled_at"] and render(row["settled_at"].astimezone(UTC)),
        "requested_by": row["requested_by"],
    }


def _name(place: RecordPosition) -> str:
    return "/".join(map(str, place))
