"""Quarantine: a record that will never be right is kept whole and sealed, with the reason and where it
stood."""

import base64
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.keys import SubjectKeys
from schemas.mapper import Record
from schemas.sealing import associated_data, seal, unseal
from services.runtime.heartbeat import Heartbeat

SYSTEM_TENANT: Final = "system"
OWNER: Final = "ten_system"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A quarantined record as it was."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def seal_dead_letter(record: ConsumerRecord, error: InvalidEvent, keys: SubjectKeys) -> Record:
    """The dead letter of a record; nothing of its content is readable."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    content = {
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }
    if keys.profile is None:
        raise ValueError("the dead-letter key has been destroyed")
    blob = seal(keys.profile, keys.version, orjson.dumps(content), associated_data("dead letter", place))
    letter = {
        "reason": error.reason,
        "detail": error.detail,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "sealed": _text(blob),
    }
    return Record(place.encode(), orjson.dumps(letter))


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
    headers = tuple((name, _bytes(text) or b"") for name, text in content["headers"])
    return DeadLetter(**letter, key=_bytes(content["key"]), value=_bytes(content["value"]), headers=headers)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
