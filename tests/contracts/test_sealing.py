"""Only the owner of sealed parts and wrapped keys can open them, and only in their place."""

import base64
from typing import Any

import pytest

from schemas.errors import InvalidEvent
from schemas.events import Event, event_adapter
from schemas.examples import load_example
from schemas.formats import exact_json
from schemas.sealing.blobs import (
    FORMAT,
    KEY_BYTES,
    CannotUnseal,
    associated_data,
    key_version,
    seal,
    seal_in_place,
    unseal,
    unseal_in_place,
)
from schemas.sealing.keys import KEY_CLASSES, Keyring, SubjectKeys, WrappedKeys, generate_subject_keys
from schemas.sealing.mapper import (
    KeyDestroyed,
    SealedEvent,
    open_event,
    parse_sealed,
    read_sealed,
    seal_event,
    seal_value,
)

KEYS, OTHER_KEYS = generate_subject_keys(), generate_subject_keys()
EVENT: Event = event_adapter.validate_python(load_example("profile.login.succeeded.v1.json"))
KEY, PLACE = b"k" * KEY_BYTES, associated_data("event", "demo", "sub", "id", "profile")


def sealed_event(**changes: Any) -> SealedEvent:
    """EVENT on the log, with attributes of its envelope changed afterwards."""
    return parse_sealed(exact_json.dumps(exact_json.loads(seal_event(EVENT, KEYS).value) | changes))


def with_data(**changes: Any) -> SealedEvent:
    """EVENT on the log, with members of its data changed afterwards."""
    document = exact_json.loads(seal_event(EVENT, KEYS).value)
    document["data"] = {
        name: value for name, value in (document["data"] | changes).items() if name != "sealed"
    }
    sealed = changes.get("sealed", parts())
    return parse_sealed(exact_json.dumps(document | {"data": document["data"] | {"sealed": sealed}}))


def with_parts(**changed: str) -> SealedEvent:
    """EVENT on the log, with other sealed parts."""
    return with_data(sealed=parts() | changed)


def parts() -> dict[str, str]:
    sealed: dict[str, str] = exact_json.loads(seal_event(EVENT, KEYS).value)["data"]["sealed"]
    return sealed


def refusal(sealed: SealedEvent, keys: SubjectKeys = KEYS) -> str:
    with pytest.raises(InvalidEvent) as caught:
        open_event(sealed, keys)
    return caught.value.reason


def test_another_key_does_not_open() -> None:
    """The keys of another subject, for both classes or for one, open nothing."""
    assert refusal(sealed_event(), OTHER_KEYS) == "not_authentic"
    assert refusal(sealed_event(), SubjectKeys(1, KEYS.profile, OTHER_KEYS.activity)) == "not_authentic"
    assert refusal(sealed_event(), SubjectKeys(1, KEYS.activity, KEYS.profile)) == "not_authentic"


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"id": "019a9d30-0c1f-7a2b-8c3d-4e5f60718299"},
        {"subject": "sub_019a9d2f7c3b7e41a5d06f1b2c3d4e50"},
        {"type": "profile.user.created"},
        {"time": "2026-11-23T10:15:30.251Z"},
        {"source": "/vita/management"},
        {"actor": "client:admin"},
        {"dataversion": 2},
        {"correlationid": "019a9d30-0c1f-7a2b-8c3d-4e5f60718299"},
        {"sourceposition": "1/0/43"},
        {"datacontenttype": "text/plain"},
        {"extension": "x"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_envelope_does_not_open(changes: dict[str, Any]) -> None:
    """With any attribute of its envelope replaced or added, an event does not open with the right keys."""
    assert refusal(sealed_event(**changes)) == "not_authentic"


@pytest.mark.parametrize("keys", [KEYS, SubjectKeys(1, KEYS.profile, None)], ids=["all keys", "expired"])
def test_nothing_of_the_data_can_be_changed(keys: SubjectKeys) -> None:
    """Open fields, the order of parts, and which parts there are: all are authenticated, also when the
    activity has expired."""
    held, other = parts(), parts()
    for forged in (
        with_data(connection="corp"),
        with_data(is_social=False),
        with_data(ip="203.0.113.9"),
        with_data(sealed={}),
        with_data(sealed={"profile": held["profile"]}),
        with_data(sealed={"activity": held["activity"]}),
        with_data(sealed={"profile": held["profile"], "activity": held["activity"]}),
        with_data(sealed=held | {"activity": other["activity"]}),
        with_data(sealed=held | {"profile": other["profile"]}),
        with_data(sealed=held | {"more": held["activity"]}),
    ):
        assert refusal(forged, keys) == "not_authentic"


def test_every_flipped_bit_is_found() -> None:
    """No bit of a record's value can be flipped without the record being refused."""
    record = seal_event(EVENT, KEYS)
    for at, byte in enumerate(record.value):
        for bit in range(8):
            value = record.value[:at] + bytes([byte ^ 1 << bit]) + record.value[at + 1 :]
            with pytest.raises(InvalidEvent):
                open_event(read_sealed(record.key, value), KEYS)


def test_only_what_was_written_is_read() -> None:
    """Equal JSON in other bytes (blanks, escapes, duplicate names, non-canonical base64) is not authentic."""
    record = seal_event(EVENT, KEYS)
    blob = parts()["profile"]
    end = b'"}}}'
    padded = record.value[: -len(end)]
    for value in (
        record.value + b"\n",
        b" " + record.value,
        record.value.replace(b'"id":', b'"id": '),
        record.value.replace(b'"tenant"', b'"tenan\\u0074"'),
        record.value[:-1] + b',"tenant":"demo"}',
        record.value.replace(b'{"specversion"', b'{"tenant":"other","specversion"'),
        record.value.replace(b'"profile":"A', b'"profile":"\\u0041'),
        padded.removesuffix(b"=") + end if blob.endswith("=") else padded + b"=" + end,
    ):
        assert refusal(parse_sealed(value)) == "not_authentic"


@pytest.mark.parametrize("key", [None, b"", b"demo", b"demo/sub_1", b"other/" + EVENT.subject.encode()])
def test_a_record_lies_under_the_key_of_its_subject(key: bytes | None) -> None:
    """Under another key, on which its place among the subject's events depends, a record is not authentic."""
    with pytest.raises(InvalidEvent, match="not_authentic"):
        read_sealed(key, seal_event(EVENT, KEYS).value)


@pytest.mark.parametrize(
    ("opened", "parts"),
    [
        ({"attributes": {"name": "Jane"}}, {}),
        ({}, {"profile": {"is_social": False}}),
        ({}, {"profile": {"ip": "203.0.113.9"}}),
        ({}, {"activity": {"attributes": {}}}),
    ],
)
def test_fields_lie_where_the_catalogue_says(opened: dict[str, Any], parts: dict[str, Any]) -> None:
    """Not even with the right keys is a personal field taken from the open part, or an open one from a sealed
    part."""
    envelope = exact_json.loads(seal_event(EVENT, KEYS).value)
    held = {name: value for name, value in envelope["data"].items() if name != "sealed"}
    value = seal_value(envelope | {"data": held | opened}, parts, KEYS)
    with pytest.raises(InvalidEvent, match=r"contract: data\..* belongs to the"):
        open_event(parse_sealed(value), KEYS)


def test_another_class_does_not_open() -> None:
    """The profile part is not accepted as the activity part, even under one key."""
    one_key = SubjectKeys(1, KEYS.profile, KEYS.profile)
    sealed = exact_json.loads(seal_event(EVENT, one_key).value)["data"]["sealed"]
    forged = with_parts(activity=sealed["profile"], profile=sealed["profile"])
    assert refusal(forged, one_key) == "not_authentic"


def test_a_destroyed_profile_key() -> None:
    """Without the profile key the event says so, and nothing new can be sealed."""
    without = SubjectKeys(1, None, KEYS.activity)
    with pytest.raises(KeyDestroyed):
        open_event(sealed_event(), without)
    with pytest.raises(KeyDestroyed):
        seal_event(EVENT, without)


def test_a_destroyed_activity_key() -> None:
    """Without the activity key the event opens, its activity gone."""
    opened = open_event(sealed_event(), SubjectKeys(1, KEYS.profile, None))
    activity = {"ip": None, "user_agent": None, "session_id": None}
    assert opened == EVENT.model_copy(update={"data": EVENT.data.model_copy(update=activity)})


def test_the_first_byte_names_the_format() -> None:
    """Blobs start with their format and key version; an unknown format is refused."""
    for blob in map(base64.b64decode, parts().values()):
        assert (blob[0], key_version(blob)) == (FORMAT, 1)
    for other in {0, 2, 255}:
        blob = bytes([other]) + base64.b64decode(parts()["profile"])[1:]
        assert refusal(with_parts(profile=base64.b64encode(blob).decode())) == "not_authentic"


@pytest.mark.parametrize("blob", ["", "AQ==", "not base64!", "AQAB" * 3, "AQAB" * 40])
def test_stunted_blobs_are_refused(blob: str) -> None:
    """Blobs that are too short, not base64 or not ours are refused with one reason."""
    assert refusal(with_parts(profile=blob)) == "not_authentic"


@pytest.mark.parametrize("sealed", [None, [], "x", {"profile": 7}, {"secret": "AQAB"}])
def test_sealed_parts_have_a_shape(sealed: Any) -> None:
    """Anything but the known classes, as text, is not authentic."""
    assert refusal(with_data(sealed=sealed)) == "not_authentic"


def test_sealing_twice_differs() -> None:
    """Nonces are fresh: sealing an event twice gives unrelated blobs."""
    assert set(parts().values()).isdisjoint(parts().values())


def test_no_two_contexts_are_one() -> None:
    """Parts of the bound context cannot run together."""
    assert associated_data("a", "bc") != associated_data("ab", "c")


@pytest.mark.parametrize(
    "place", [b"", PLACE + b"x", associated_data("event", "demo", "sub", "id", "activity")]
)
def test_unsealing_needs_the_same_place(place: bytes) -> None:
    """The associated data must match byte for byte."""
    blob = seal(KEY, 1, b"secret", PLACE)
    assert unseal(KEY, blob, PLACE) == b"secret"
    with pytest.raises(CannotUnseal):
        unseal(KEY, blob, place)


def test_wrapped_keys_open_for_their_owner() -> None:
    """The keyring opens the wrapped keys of the ledger, whichever wrapping key was used."""
    old, new = Keyring({1: b"1" * 32}), Keyring({1: b"1" * 32, 2: b"2" * 32})
    for keyring in (old, new):
        wrapped = keyring.wrap("demo", "sub_1", KEYS)
        assert new.open("demo", "sub_1", wrapped) == KEYS


@pytest.mark.parametrize(("tenant", "owner"), [("other", "sub_1"), ("demo", "sub_2"), ("", "demosub_1")])
def test_wrapped_keys_of_another_owner(tenant: str, owner: str) -> None:
    """A row moved to another owner or tenant does not open."""
    keyring = Keyring({1: b"1" * 32})
    wrapped = keyring.wrap("demo", "sub_1", KEYS)
    with pytest.raises(CannotUnseal):
        keyring.open(tenant, owner, wrapped)


def test_wrapped_keys_under_another_keyring() -> None:
    """Neither another wrapping key nor an unknown one opens, nor one class's key as the other's."""
    wrapped = Keyring({1: b"1" * 32}).wrap("demo", "sub_1", KEYS)
    swapped = WrappedKeys(1, wrapped.activity, wrapped.profile)
    for keyring, row in (
        (Keyring({1: b"9" * 32}), wrapped),
        (Keyring({2: b"1" * 32}), wrapped),
        (Keyring({1: b"1" * 32}), swapped),
    ):
        with pytest.raises(CannotUnseal):
            keyring.open("demo", "sub_1", row)


@pytest.mark.parametrize("lost", KEY_CLASSES)
def test_a_destroyed_key_stays_destroyed(lost: str) -> None:
    """A NULL in the ledger is a key that is gone; the other class is not touched."""
    keyring = Keyring({1: b"1" * 32})
    wrapped = keyring.wrap("demo", "sub_1", KEYS)
    left = WrappedKeys(1, **{name: None if name == lost else getattr(wrapped, name) for name in KEY_CLASSES})
    opened = keyring.open("demo", "sub_1", left)
    for name in KEY_CLASSES:
        assert opened.of(name) == (None if name == lost else KEYS.of(name))


def test_keys_never_show() -> None:
    """Printing keys, as a log or a traceback would, shows none of their bytes."""
    assert KEYS.profile is not None
    assert repr(KEYS.profile) not in repr(KEYS)


def test_sealing_in_place_is_deterministic_and_bound_to_key_place_and_version() -> None:
    """Equal content in one place gives equal blobs; another place, key, version or content gives an unrelated
    one. Altered bytes, another place, another key and blobs of the other format are refused."""
    blob = seal_in_place(KEY, 1, b"secret", PLACE)
    assert seal_in_place(KEY, 1, b"secret", PLACE) == blob
    assert unseal_in_place(KEY, blob, PLACE) == b"secret"
    assert key_version(blob) == 1
    elsewhere = associated_data("event", "demo", "sub", "other", "profile")
    others = [
        seal_in_place(KEY, 2, b"secret", PLACE),
        seal_in_place(KEY, 1, b"secreu", PLACE),
        seal_in_place(KEY, 1, b"secret", elsewhere),
        seal_in_place(b"K" * KEY_BYTES, 1, b"secret", PLACE),
    ]
    assert len({one[3:19] for one in (blob, *others)}) == 5
    altered = [blob[:at] + bytes((blob[at] ^ 1,)) + blob[at + 1 :] for at in range(len(blob))]
    for broken in (*altered, blob[:-1], blob[:19], b"", seal(KEY, 1, b"secret", PLACE)):
        with pytest.raises(CannotUnseal):
            unseal_in_place(KEY, broken, PLACE)
    for key, place in ((KEY, elsewhere), (b"K" * KEY_BYTES, PLACE)):
        with pytest.raises(CannotUnseal):
            unseal_in_place(key, blob, place)
    with pytest.raises(CannotUnseal):
        unseal(KEY, blob, PLACE)
