"""Converts events to bytes and back. It seals personal data and authenticates every event.

`data.sealed` is the last member of a record's value. It holds the activity part, if there is one,
followed by the profile part, which every event has. The associated data of a part are all bytes of the
value before that part. The profile part therefore authenticates everything else in the record, the
activity part included, even after the activity key has been destroyed.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from schemas.envelope import SPEC_VERSION
from schemas.errors import InvalidEvent
from schemas.events import ACTIVITY, EVENT_TYPES, OPEN, PROFILE, Event, EventData, event_adapter, field_class
from schemas.formats import exact_json
from schemas.formats.identifiers import SUBJECT_PATTERN, TENANT_PATTERN, KeyClass, key_owner, record_key
from schemas.formats.instants import render
from schemas.formats.violations import violations
from schemas.sealing.blobs import CannotUnseal, associated_data, key_version, seal, unseal
from schemas.sealing.keys import KEY_CLASSES, SubjectKeys
from schemas.upcasters import UPCASTERS, Upcaster, current_version, upcast

MAX_BYTES: Final = 4 << 20
"""Maximum size of an event. Its topic takes no larger batch, and events are appended uncompressed."""
LARGEST_EVENT_BYTES: Final = MAX_BYTES - 4096
"""Maximum size of an event that can be appended, with its key and the batch around it, and also relayed."""
_CONTEXT: Final = ("correlationid", "causationid", "sourceposition")
_FRAME: Final = frozenset(("specversion", "datacontenttype"))
_TENANT: Final = re.compile(TENANT_PATTERN)
_SUBJECT: Final = re.compile(SUBJECT_PATTERN)
_END: Final = b"}}}"
"""The end of a record's value: it closes `sealed`, `data` and the envelope."""
_PLACES: Final = {part: associated_data("event", part, "") for part in KEY_CLASSES}


class KeyDestroyed(Exception):
    """The event's personal data is gone: its subject was erased, or this class of data has expired."""


class Record(NamedTuple):
    """Key and value of a Kafka record."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as it is on the log: the envelope is readable, the parts are sealed, nothing is verified."""

    envelope: dict[str, Any]
    tenant: str
    subject: str
    value: bytes

    @property
    def owner(self) -> str:
        """The owner of the keys that open the event."""
        return key_owner(self.tenant, self.subject)


def seal_event(event: Event, keys: SubjectKeys) -> Record:
    """Return the record of an event. Raises KeyDestroyed when a part has no key."""
    data = event.data
    by_class: dict[str, dict[str, Any]] = {OPEN: {}}
    for name, part in _classes(type(data)).items():
        if (value := getattr(data, name)) is not None:
            by_class.setdefault(part, {})[name] = value
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
    envelope["data"] = by_class.pop(OPEN)
    return Record(record_key(event.tenant, event.subject), seal_value(envelope, by_class, keys))


def seal_value(
    envelope: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]], keys: SubjectKeys
) -> bytes:
    """Return the value of a record: the envelope with its open data, and the other parts sealed.

    Raises KeyDestroyed when a part has no key.
    """
    opened = {**envelope, "data": {**envelope["data"], "sealed": {}}}
    value = exact_json.dumps(opened).removesuffix(_END)
    if ACTIVITY in parts:
        value += _sealed_part("activity", parts[ACTIVITY], value, keys) + b","
    return value + _sealed_part("profile", parts.get(PROFILE, {}), value, keys) + _END


def read_sealed(key: bytes | None, value: bytes | None) -> SealedEvent:
    """Return the event in a record without verifying it.

    Raises InvalidEvent when the value is not an event, or when the key is not that of its subject.
    """
    sealed = parse_sealed(value or b"")
    if key != record_key(sealed.tenant, sealed.subject):
        raise InvalidEvent("not_authentic", "the record's key is not that of its subject")
    return sealed


def parse_sealed(value: bytes) -> SealedEvent:
    """Return the event in a record's value without verifying it.

    Raises InvalidEvent when the value is not an event.
    """
    if len(value) > MAX_BYTES:
        raise InvalidEvent("too_large", f"{len(value)} bytes, at most {MAX_BYTES}")
    try:
        envelope = orjson.loads(value)
    except ValueError as error:
        raise InvalidEvent("not_json") from error
    if not isinstance(envelope, dict) or envelope.get("specversion") != SPEC_VERSION:
        raise InvalidEvent("contract", "not a CloudEvents 1.0 event")
    if exact_json.holds_nul(envelope, value):
        raise InvalidEvent("nul_character", "U+0000 cannot be stored")
    tenant, subject = envelope.get("tenant"), envelope.get("subject")
    if not (
        isinstance(tenant, str)
        and _TENANT.fullmatch(tenant)
        and isinstance(subject, str)
        and _SUBJECT.fullmatch(subject)
    ):
        raise InvalidEvent("contract", "tenant and subject must be those of this log")
    if not (isinstance(envelope.get("id"), str) and isinstance(envelope.get("type"), str)):
        raise InvalidEvent("contract", "id and type must be text")
    if not isinstance(envelope.get("data"), dict):
        raise InvalidEvent("contract", "data must be an object")
    return SealedEvent(envelope, tenant, subject, value)


def open_event(
    sealed: SealedEvent, keys: SubjectKeys, steps: Mapping[tuple[str, int], Upcaster] = UPCASTERS
) -> Event:
    """Verify an event and return it in its newest version.

    Raises InvalidEvent with the reason `not_authentic` when the record was not sealed as it is by its
    owner's key. Every other reason, such as an unknown type, means that the owner wrote an invalid
    record. Raises KeyDestroyed when the profile key is gone. If only the activity key is gone, the fields
    of that class are absent; all of them are optional.
    """
    parts = _verified_parts(sealed, keys)
    envelope = {name: value for name, value in sealed.envelope.items() if name not in _FRAME}
    event_type, version = envelope["type"], envelope.get("dataversion")
    if type(version) is not int:
        raise InvalidEvent("contract", "dataversion must be an integer")
    if version == current_version(event_type):
        _check_classes(event_type, parts)
    data = {name: value for values in parts.values() for name, value in values.items()}
    envelope["dataversion"], envelope["data"] = upcast(event_type, version, data, steps)
    try:
        return event_adapter.validate_python(envelope)
    except ValidationError as error:
        raise InvalidEvent("contract", violations(error)) from None


@cache
def _classes(model: type[EventData]) -> Mapping[str, str]:
    return {name: field_class(info) or OPEN for name, info in model.model_fields.items()}


def _check_classes(event_type: str, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that every field is in the part that the catalogue prescribes for its class."""
    for part, values in parts.items():
        misplaced = _elsewhere(event_type, part)
        if not misplaced.keys().isdisjoint(values):
            name = next(name for name in values if name in misplaced)
            raise InvalidEvent("contract", f"data.{name} belongs to the {misplaced[name]} part")


@cache
def _elsewhere(event_type: str, part: str) -> Mapping[str, str]:
    """Return the fields that belong to other parts than this one, each with its own."""
    classes = _classes(EVENT_TYPES[event_type].model_fields["data"].annotation)
    return {name: other for name, other in classes.items() if other != part}


def _sealed_part(part: KeyClass, values: Mapping[str, Any], before: bytes, keys: SubjectKeys) -> bytes:
    key = keys.of(part)
    if key is None:
        raise KeyDestroyed(part)
    blob = seal(key, keys.version, exact_json.dumps(values), _bound(part, before))
    return _member(part, binascii.b2a_base64(blob, newline=False))


def _member(part: KeyClass, blob: bytes) -> bytes:
    return b'"%s":"%s"' % (part.encode(), blob)


def _bound(part: KeyClass, before: bytes) -> bytes:
    return _PLACES[part] + before


def _verified_parts(sealed: SealedEvent, keys: SubjectKeys) -> dict[str, dict[str, Any]]:
    """Return the data by class. Parts are verified from the last to the first, so that every byte is
    covered."""
    data = dict(sealed.envelope["data"])
    parts = data.pop("sealed", None)
    if not isinstance(parts, dict) or tuple(parts) not in (("activity", "profile"), ("profile",)):
        raise InvalidEvent("not_authentic", "data.sealed must hold a profile part, behind it nothing else")
    if keys.profile is None:
        raise KeyDestroyed(sealed.subject)
    before = _before(sealed.value, "profile", parts["profile"], _END)
    opened = {OPEN: data, PROFILE: _opened("profile", parts["profile"], before, keys, keys.profile)}
    if "activity" in parts and keys.activity is not None:
        before = _before(before, "activity", parts["activity"], b",")
        opened[ACTIVITY] = _opened("activity", parts["activity"], before, keys, keys.activity)
    return opened


def _before(record: bytes, part: KeyClass, blob: object, end: bytes) -> bytes:
    """Return the bytes before a part that ends the record."""
    member = _member(part, blob.encode()) + end if isinstance(blob, str) else b""
    if not member or not record.endswith(member):
        raise InvalidEvent("not_authentic", f"data.sealed.{part} is not as it is written")
    return record[: -len(member)]


def _opened(part: KeyClass, text: str, before: bytes, keys: SubjectKeys, key: bytes) -> dict[str, Any]:
    try:
        encoded = text.encode("ascii")
        blob = binascii.a2b_base64(encoded, strict_mode=True)
        if binascii.b2a_base64(blob, newline=False) != encoded or key_version(blob) != keys.version:
            raise CannotUnseal("not canonical, or of another version of the key")
        plaintext = unseal(key, blob, _bound(part, before))
    except ValueError as error:
        raise InvalidEvent("not_authentic", f"data.sealed.{part} does not open in this record") from error
    try:
        values = exact_json.loads(plaintext)
    except ValueError as error:
        raise InvalidEvent("not_json", f"data.sealed.{part}") from error
    if not isinstance(values, dict):
        raise InvalidEvent("contract", f"data.sealed.{part}")
    if exact_json.holds_nul(values, plaintext):
        raise InvalidEvent("nul_character", f"data.sealed.{part}")
    return values
