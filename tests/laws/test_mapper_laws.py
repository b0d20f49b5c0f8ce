"""Laws of the mapper: a sealed event opens to an equal event, for its owner only."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent
from schemas.events import ACTIVITY, EVENT_TYPES, PROFILE, Event, field_class
from schemas.formats import exact_json
from schemas.formats.identifiers import record_key
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record, open_event, parse_sealed, read_sealed, seal_event
from tests.laws.any_event import any_events
from tests.laws.events import values

KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
OTHERS = SubjectKeys(1, b"q" * 32, b"b" * 32)
WITHOUT_ACTIVITY = SubjectKeys(1, KEYS.profile, None)


@st.composite
def mangled(draw: st.DrawFn, record: Record) -> bytes:
    """An event's value with one attribute of its envelope or data replaced by anything, or gone."""
    envelope: dict[str, Any] = orjson.loads(record.value)
    place = draw(st.sampled_from([envelope, envelope["data"]]))
    name = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        place[name] = draw(values)
    else:
        del place[name]
    return exact_json.dumps(envelope)


@st.composite
def altered(draw: st.DrawFn, text: bytes) -> bytes:
    """The bytes with one changed, one more, or a few fewer."""
    at = draw(st.integers(0, len(text) - 1))
    match draw(st.sampled_from(["change", "insert", "remove"])):
        case "change":
            byte = draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
            return text[:at] + bytes([byte]) + text[at + 1 :]
        case "insert":
            blank = draw(st.sampled_from([b" ", b"\n", b",", b'"', b"=", b"0", b"\x00", text[at : at + 1]]))
            return text[:at] + blank + text[at:]
        case _:
            return text[:at] + text[at + draw(st.integers(1, 8)) :]


def refuse(key: bytes, value: bytes, keys: SubjectKeys) -> None:
    """It is no event of this log at all, or it is one that is not authentic."""
    try:
        sealed = read_sealed(key, value)
    except InvalidEvent:
        return
    with pytest.raises(InvalidEvent, match="not_authentic"):
        open_event(sealed, keys)


@given(any_events())
def test_what_is_sealed_opens_to_the_same(event: Event) -> None:
    """Sealing and opening is the identity, integers and floats included, for events of every type."""
    record = seal_event(event, KEYS)
    opened = open_event(read_sealed(*record), KEYS)
    assert opened == event
    assert exact_json.dumps(opened.model_dump(mode="python")["data"]) == exact_json.dumps(
        event.model_dump(mode="python")["data"]
    )
    assert record.key == record_key(event.tenant, event.subject)


@given(any_events())
def test_nothing_personal_is_readable(event: Event) -> None:
    """Outside of the sealed parts there are only fields without personal data."""
    data = orjson.loads(seal_event(event, KEYS).value)["data"]
    closed = {
        name
        for name, info in type(event.data).model_fields.items()
        if field_class(info) in (PROFILE, ACTIVITY)
    }
    assert not closed & data.keys()
    assert list(data["sealed"]) in (["profile"], ["activity", "profile"])


@given(any_events(), st.sampled_from([KEYS, WITHOUT_ACTIVITY]), st.data())
def test_no_byte_of_a_record_can_be_changed(event: Event, keys: SubjectKeys, data: st.DataObject) -> None:
    """With any byte of its key or value changed, added or removed, a record is refused, also when the
    activity key has been destroyed; it is never read with another meaning."""
    record = seal_event(event, KEYS)
    if data.draw(st.booleans(), label="in the key"):
        key, value = data.draw(altered(record.key)), record.value
    else:
        key, value = record.key, data.draw(altered(record.value))
    if (key, value) != record:
        refuse(key, value, keys)


@given(any_events(), any_events(), st.sampled_from([KEYS, WITHOUT_ACTIVITY]), st.data())
def test_sealed_parts_cannot_be_moved(
    event: Event, other: Event, keys: SubjectKeys, data: st.DataObject
) -> None:
    """A record with parts removed, duplicated, reordered, swapped or taken from another event of the owner is
    refused."""
    record, donor = seal_event(event, KEYS), seal_event(other, KEYS)
    envelope = orjson.loads(record.value)
    sealed, given_parts = envelope["data"]["sealed"], orjson.loads(donor.value)["data"]["sealed"]
    blobs = data.draw(st.permutations([*sealed.values(), *given_parts.values()]))
    names = data.draw(st.lists(st.sampled_from(["activity", "profile"]), unique=True, max_size=2))
    spliced = dict(zip(names, blobs, strict=False))
    if list(spliced.items()) != list(sealed.items()):
        envelope["data"]["sealed"] = spliced
        refuse(record.key, exact_json.dumps(envelope), keys)


@given(any_events(), st.data())
def test_another_envelope_is_refused(event: Event, data: st.DataObject) -> None:
    """A record re-identified, re-typed, re-timed or with anything else of its envelope or open data replaced
    is refused."""
    record = seal_event(event, KEYS)
    if (value := data.draw(mangled(record))) != record.value:
        refuse(record.key, value, KEYS)


@given(any_events())
def test_only_the_owners_keys_open(event: Event) -> None:
    """Under other keys, under one other key, or under another version of the key the record is refused."""
    sealed = read_sealed(*seal_event(event, KEYS))
    for keys in (
        OTHERS,
        SubjectKeys(1, OTHERS.profile, KEYS.activity),
        SubjectKeys(1, KEYS.activity, KEYS.profile),
        SubjectKeys(2, KEYS.profile, KEYS.activity),
    ):
        with pytest.raises(InvalidEvent, match="not_authentic"):
            open_event(sealed, keys)


@given(any_events())
def test_destroyed_keys_close_for_ever(event: Event) -> None:
    """Without the profile key the event is gone; without the activity key only its activity is."""
    sealed = read_sealed(*seal_event(event, KEYS))
    opened = open_event(sealed, WITHOUT_ACTIVITY)
    for name, info in type(event.data).model_fields.items():
        if field_class(info) == ACTIVITY:
            assert getattr(opened.data, name) in (None, ())
        else:
            assert getattr(opened.data, name) == getattr(event.data, name)
    with pytest.raises(KeyDestroyed):
        open_event(sealed, SubjectKeys(1, None, KEYS.activity))
    with pytest.raises(KeyDestroyed):
        seal_event(event, SubjectKeys(1, None, KEYS.activity))


@given(
    st.one_of(
        st.binary(max_size=60),
        values.map(exact_json.dumps),
        any_events().map(lambda event: seal_event(event, KEYS)).flatmap(mangled),
    )
)
def test_foreign_bytes_are_refused_and_nothing_else_happens(value: bytes) -> None:
    """Any bytes on the log are either an event or refused with a reason."""
    with suppress(InvalidEvent):
        assert open_event(parse_sealed(value), KEYS).type in EVENT_TYPES
