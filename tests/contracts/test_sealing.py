"""Sealed parts and wrapped keys open for their owner, in their place, and for nobody else."""

import base64
from typing import Any

import pytest

from schemas import exact_json
from schemas.errors import InvalidEvent
from schemas.events import Event, event_adapter
from schemas.examples import load_example
from schemas.keys import KEY_CLASSES, Keyring, SubjectKeys, WrappedKeys, generate_subject_keys
from schemas.mapper import KeyDestroyed, SealedEvent, open_event, read_sealed, seal_event
from schemas.sealing import FORMAT, KEY_BYTES, CannotUnseal, associated_data, key_version, seal, unseal

KEYS, OTHER_KEYS = generate_subject_keys(), generate_subject_keys()
EVENT: Event = event_adapter.validate_python(load_example("profile.login.succeeded.v1.json"))
KEY, PLACE = b"k" * KEY_BYTES, associated_data("event", "demo", "sub", "id", "profile")


def sealed_event(**changes: Any) -> SealedEvent:
    """EVENT on the log, with attributes of its envelope changed afterwards."""
    return read_sealed(exact_json.dumps(exact_json.loads(seal_event(EVENT, KEYS).value) | changes))


def with_parts(**parts: str) -> SealedEvent:
    """EVENT on the log, with other sealed parts."""
    document = exact_json.loads(seal_event(EVENT, KEYS).value)
    document["data"]["sealed"] |= parts
    return read_sealed(exact_json.dumps(document))


def parts() -> dict[str, str]:
    sealed: dict[str, str] = exact_json.loads(seal_event(EVENT, KEYS).value)["data"]["sealed"]
    return sealed


def refusal(sealed: SealedEvent, keys: SubjectKeys = KEYS) -> str:
    with pytest.raises(InvalidEvent) as caught:
        open_event(sealed, keys)
    return caught.value.reason


def test_another_key_does_not_open() -> None:
    """Somebody else's keys, for both classes or for one, open nothing."""
    assert refusal(sealed_event(), OTHER_KEYS) == "cannot_unseal"
    assert refusal(sealed_event(), SubjectKeys(1, KEYS.profile, OTHER_KEYS.activity)) == "cannot_unseal"
    assert refusal(sealed_event(), SubjectKeys(1, KEYS.activity, KEYS.profile)) == "cannot_unseal"


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"id": "019a9d30-0c1f-7a2b-8c3d-4e5f60718299"},
        {"subject": "sub_019a9d2f7c3b7e41a5d06f1b2c3d4e50"},
    ],
    ids=["tenant", "event", "subject"],
)
def test_another_place_does_not_open(changes: dict[str, str]) -> None:
    """A sealed part copied to another tenant, event or subject does not open there with the right key."""
    assert refusal(sealed_event(**changes)) == "cannot_unseal"


def test_another_class_does_not_open() -> None:
    """The profile part does not pass for the activity part, not even under one and the same key."""
    one_key = SubjectKeys(1, KEYS.profile, KEYS.profile)
    sealed = exact_json.loads(seal_event(EVENT, one_key).value)["data"]["sealed"]
    assert (
        refusal(with_parts(activity=sealed["profile"], profile=sealed["profile"]), one_key) == "cannot_unseal"
    )


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


def test_the_format_is_told_by_the_first_byte() -> None:
    """Blobs start with their format and key version; a format nobody knows is refused, not guessed at."""
    for blob in map(base64.b64decode, parts().values()):
        assert (blob[0], key_version(blob)) == (FORMAT, 1)
    for other in {0, 2, 255}:
        blob = bytes([other]) + base64.b64decode(parts()["profile"])[1:]
        assert refusal(with_parts(profile=base64.b64encode(blob).decode())) == "cannot_unseal"


@pytest.mark.parametrize("blob", ["", "AQ==", "not base64!", "AQAB" * 3, "AQAB" * 40])
def test_stunted_blobs_are_refused(blob: str) -> None:
    """Too short, not base64, or not ours: refused for the same reason."""
    assert refusal(with_parts(profile=blob)) == "cannot_unseal"


@pytest.mark.parametrize("sealed", [None, [], "x", {"profile": 7}, {"secret": "AQAB"}])
def test_sealed_parts_have_a_shape(sealed: Any) -> None:
    """Anything but known classes of text is against the contract."""
    document = exact_json.loads(seal_event(EVENT, KEYS).value)
    document["data"]["sealed"] = sealed
    assert refusal(read_sealed(exact_json.dumps(document))) == "contract"


def test_sealing_twice_differs() -> None:
    """Nonces are fresh: the same event sealed twice shows no likeness."""
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
    """What the ledger keeps opens with the keyring to the same keys, by any wrapping key that made it."""
    old, new = Keyring({1: b"1" * 32}), Keyring({1: b"1" * 32, 2: b"2" * 32})
    for keyring in (old, new):
        wrapped = keyring.wrap("demo", "sub_1", KEYS)
        assert new.open("demo", "sub_1", wrapped) == KEYS


@pytest.mark.parametrize(("tenant", "owner"), [("other", "sub_1"), ("demo", "sub_2"), ("", "demosub_1")])
def test_wrapped_keys_of_somebody_else(tenant: str, owner: str) -> None:
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
