"""The laws of the one door: what is sealed opens to the same event, for its owner and in its place alone."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import exact_json
from schemas.errors import InvalidEvent
from schemas.events import ACTIVITY, EVENT_TYPES, PROFILE, Event, field_class
from schemas.identifiers import record_key
from schemas.keys import SubjectKeys
from schemas.mapper import KeyDestroyed, open_event, read_sealed, seal_event
from tests.laws.any_event import any_events
from tests.laws.events import values

KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
OTHERS = SubjectKeys(1, b"q" * 32, b"b" * 32)


@st.composite
def mangled(draw: st.DrawFn, event: Event) -> bytes:
    """An event with one attribute of its envelope or data replaced by anything, or gone."""
    envelope: dict[str, Any] = orjson.loads(seal_event(event, KEYS).value)
    place = draw(st.sampled_from([envelope, envelope["data"]]))
    name = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        place[name] = draw(values)
    else:
        del place[name]
    return exact_json.dumps(envelope)


@given(any_events())
def test_what_is_sealed_opens_to_the_same(event: Event) -> None:
    """Sealing and opening is the identity, integers and floats included, for events of every type."""
    record = seal_event(event, KEYS)
    opened = open_event(read_sealed(record.value), KEYS)
    assert opened == event
    assert exact_json.dumps(opened.model_dump(mode="python")["data"]) == exact_json.dumps(
        event.model_dump(mode="python")["data"]
    )
    assert record.key == record_key(event.tenant, event.subject)


@given(any_events())
def test_nothing_personal_is_readable(event: Event) -> None:
    """Outside the sealed parts there are only fields that may be read by everybody."""
    data = orjson.loads(seal_event(event, KEYS).value)["data"]
    closed = {
        name
        for name, info in type(event.data).model_fields.items()
        if field_class(info) in (PROFILE, ACTIVITY)
    }
    assert not closed & data.keys()
    assert data["sealed"].keys() <= {"profile", "activity"}


@given(any_events(), st.data())
def test_altered_bytes_never_open(event: Event, data: st.DataObject) -> None:
    """One changed bit in a sealed part, or a part under other keys, is found."""
    envelope = orjson.loads(seal_event(event, KEYS).value)
    sealed = envelope["data"]["sealed"]
    if not sealed:
        return
    part = data.draw(st.sampled_from(sorted(sealed)))
    blob = bytearray(base64.b64decode(sealed[part]))
    blob[data.draw(st.integers(0, len(blob) - 1).filter(lambda at: at not in (1, 2)))] ^= 1
    with pytest.raises(InvalidEvent, match="cannot_unseal"):
        open_event(read_sealed(seal_event(event, KEYS).value), OTHERS)
    sealed[part] = base64.b64encode(blob).decode()
    with pytest.raises(InvalidEvent, match="cannot_unseal"):
        open_event(read_sealed(orjson.dumps(envelope)), KEYS)


@given(any_events(), any_events(), st.sampled_from(["id", "tenant", "subject"]))
def test_a_sealed_part_belongs_to_its_event(event: Event, other: Event, name: str) -> None:
    """Moved to another event, tenant or subject, a sealed part does not open."""
    moved = {"id": "0190a1b2-c3d4-7e5f-8a9b-ffffffffffff", "tenant": "other", "subject": f"sub_{9:032x}"}
    envelope = orjson.loads(seal_event(event, KEYS).value)
    if envelope["data"]["sealed"]:
        envelope[name] = moved[name]
        with pytest.raises(InvalidEvent, match="cannot_unseal"):
            open_event(read_sealed(orjson.dumps(envelope)), KEYS)


@given(any_events())
def test_destroyed_keys_close_for_ever(event: Event) -> None:
    """Without the profile key the event is gone; without the activity key only its activity is."""
    sealed = read_sealed(seal_event(event, KEYS).value)
    parts = sealed.envelope["data"]["sealed"]
    without_activity = SubjectKeys(1, KEYS.profile, None)
    opened = open_event(sealed, without_activity)
    for name, info in type(event.data).model_fields.items():
        if field_class(info) == ACTIVITY:
            assert getattr(opened.data, name) is None
        else:
            assert getattr(opened.data, name) == getattr(event.data, name)
    if "profile" in parts:
        with pytest.raises(KeyDestroyed):
            open_event(sealed, SubjectKeys(1, None, KEYS.activity))
        with pytest.raises(KeyDestroyed):
            seal_event(event, SubjectKeys(1, None, KEYS.activity))


@given(st.one_of(st.binary(max_size=60), values.map(exact_json.dumps), any_events().flatmap(mangled)))
def test_foreign_bytes_are_refused_and_nothing_else_happens(value: bytes) -> None:
    """Whatever lies on the log either is an event or is refused with a reason."""
    with suppress(InvalidEvent):
        assert open_event(read_sealed(value), KEYS).type in EVENT_TYPES
