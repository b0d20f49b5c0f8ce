"""The one door between events and bytes: everything personal is sealed on the way out and opened on the way
in."""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas import exact_json
from schemas.envelope import SPEC_VERSION
from schemas.errors import InvalidEvent
from schemas.events import OPEN, Event, EventData, event_adapter, field_class
from schemas.identifiers import SUBJECT_PATTERN, TENANT_PATTERN, KeyClass, key_owner, record_key
from schemas.instants import render
from schemas.keys import KEY_CLASSES, SubjectKeys
from schemas.sealing import associated_data, seal, unseal
from schemas.upcasters import UPCASTERS, Upcaster, upcast

_CONTEXT: Final = ("correlationid", "causationid", "traceparent", "sourceposition")
_FRAME: Final = frozenset(("specversion", "datacontenttype"))
_RULES: Final = ("expected", "expected_tags", "pattern", "max_length", "min_length")
"""What a contract asks for, in pydantic's words; nothing here comes from the offending document."""
_TENANT: Final = re.compile(TENANT_PATTERN)
_SUBJECT: Final = re.compile(SUBJECT_PATTERN)


class KeyDestroyed(Exception):
    """The event's personal data is gone: its subject was erased or this class of data has expired."""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as it lies on the log: the envelope readable, the personal parts closed."""

    envelope: dict[str, Any]
    tenant: str
    subject: str

    @property
    def owner(self) -> str:
        """Whose keys open it."""
        return key_owner(self.tenant, self.subject)


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record's key and value."""

    key: bytes
    value: bytes


def seal_event(event: Event, keys: SubjectKeys) -> Record:
    """The record of an event. Raises KeyDestroyed when personal data has no key to be sealed with."""
    data = event.data
    open_part: dict[str, Any] = {}
    closed: dict[str, dict[str, Any]] = {}
    for name, part in _parts(type(data)):
        value = getattr(data, name)
        if value is not None:
            (open_part if part == OPEN else closed.setdefault(part, {}))[name] = value
    open_part["sealed"] = {part: _seal_part(event, part, values, keys) for part, values in closed.items()}
    envelope: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": render(event.time),
        "datacontenttype": "application/json",
        "dataversion": event.dataversion,
        "tenant": event.tenant,
        "actor": event.actor,
    }
    for name in _CONTEXT:
        if (value := getattr(event, name)) is not None:
            envelope[name] = value
    envelope["data"] = open_part
    return Record(record_key(event.tenant, event.subject), orjson.dumps(envelope))


def read_sealed(value: bytes) -> SealedEvent:
    """The readable outside of a record. Raises InvalidEvent when it is not an event at all."""
    try:
        envelope = orjson.loads(value)
    except ValueError as error:
        raise InvalidEvent("not_json") from error
    if not isinstance(envelope, dict) or envelope.get("specversion") != SPEC_VERSION:
        raise InvalidEvent("contract", "not a CloudEvents 1.0 event")
    tenant, subject = envelope.get("tenant"), envelope.get("subject")
    if not (
        isinstance(tenant, str)
        and _TENANT.match(tenant)
        and isinstance(subject, str)
        and _SUBJECT.match(subject)
    ):
        raise InvalidEvent("contract", "tenant and subject must be those of this log")
    if not (isinstance(envelope.get("id"), str) and isinstance(envelope.get("type"), str)):
        raise InvalidEvent("contract", "id and type must be text")
    if not isinstance(envelope.get("data"), dict):
        raise InvalidEvent("contract", "data must be an object")
    return SealedEvent(envelope, tenant, subject)


def open_event(
    sealed: SealedEvent, keys: SubjectKeys, steps: Mapping[tuple[str, int], Upcaster] = UPCASTERS
) -> Event:
    """The newest version of the event behind a record.

    Raises InvalidEvent (unknown type or version, altered, wrong shape), or KeyDestroyed when the profile part
    can no longer be read. An activity part whose key has expired is simply absent: its fields are all
    optional.
    """
    envelope = {name: value for name, value in sealed.envelope.items() if name not in _FRAME}
    data: Mapping[str, Any] = _open_data(sealed, keys)
    event_type, version = envelope["type"], envelope.get("dataversion")
    if type(version) is not int:
        raise InvalidEvent("contract", "dataversion must be an integer")
    envelope["dataversion"], envelope["data"] = upcast(event_type, version, data, steps)
    try:
        return event_adapter.validate_python(envelope)
    except ValidationError as error:
        raise InvalidEvent("contract", violations(error)) from None


def violations(error: ValidationError) -> str:
    """Where a contract was broken and how, without the offending values."""
    return "; ".join(_violation(item) for item in error.errors(include_url=False, include_input=False)[:10])


def _violation(item: ErrorDetails) -> str:
    path = ".".join(str(part) for part in item["loc"])
    context = item.get("ctx", {})
    rule = next((f" ({context[name]})" for name in _RULES if name in context), "")
    return f"{path}: {item['type']}{rule}"


@cache
def _parts(model: type[EventData]) -> tuple[tuple[str, str], ...]:
    return tuple((name, field_class(info) or OPEN) for name, info in model.model_fields.items())


def _associated(tenant: str, subject: str, event_id: str, part: str) -> bytes:
    return associated_data("event", tenant, subject, event_id, part)


def _seal_part(event: Event, part: str, values: dict[str, Any], keys: SubjectKeys) -> str:
    key = keys.of(_key_class(part))
    if key is None:
        raise KeyDestroyed(event.subject)
    associated = _associated(event.tenant, event.subject, event.id, part)
    return binascii.b2a_base64(
        seal(key, keys.version, exact_json.dumps(values), associated), newline=False
    ).decode("ascii")


def _open_data(sealed: SealedEvent, keys: SubjectKeys) -> dict[str, Any]:
    data = dict(sealed.envelope["data"])
    parts = data.pop("sealed", {})
    if not isinstance(parts, dict):
        raise InvalidEvent("contract", "data.sealed must be an object")
    for part, blob in parts.items():
        data.update(_open_part(sealed, part, blob, keys))
    return data


def _open_part(sealed: SealedEvent, part: str, blob: object, keys: SubjectKeys) -> dict[str, Any]:
    if part not in KEY_CLASSES or not isinstance(blob, str):
        raise InvalidEvent("contract", "data.sealed")
    key = keys.of(part)
    if key is None:
        if part == "activity":
            return {}
        raise KeyDestroyed(sealed.subject)
    associated = _associated(sealed.tenant, sealed.subject, sealed.envelope["id"], part)
    try:
        plaintext = unseal(key, binascii.a2b_base64(blob, strict_mode=True), associated)
        values = exact_json.loads(plaintext)
    except ValueError as error:
        raise InvalidEvent("cannot_unseal", part) from error
    if not isinstance(values, dict):
        raise InvalidEvent("contract", f"data.sealed.{part}")
    if exact_json.holds_nul(values, plaintext):
        raise InvalidEvent("nul_character", f"data.sealed.{part}")
    return values


def _key_class(part: str) -> KeyClass:
    return "profile" if part == "profile" else "activity"
