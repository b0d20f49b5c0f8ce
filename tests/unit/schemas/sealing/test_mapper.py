"""What is no event of the log, each with its reason; what an erased or expired key leaves."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from schemas.errors import InvalidEvent
from schemas.events import ACTIVITY, PROFILE
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import (
    LARGEST_EVENT_BYTES,
    MAX_BYTES,
    KeyDestroyed,
    open_event,
    parse_sealed,
    read_sealed,
    seal_event,
    seal_value,
)
from tests.samples.profile_events import creation, login

KEYS = SubjectKeys(3, b"p" * 32, b"a" * 32)


def rewritten(change: Callable[[dict[str, Any]], Any]) -> bytes:
    envelope = orjson.loads(seal_event(login(ip="192.0.2.1"), KEYS).value)
    change(envelope)
    return exact_json.dumps(envelope)


def reason_of(value: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        open_event(parse_sealed(value), KEYS)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[]", "contract"),
        (b"{}", "contract"),
        (rewritten(lambda event: event.update(specversion="2.0")), "contract"),
        (rewritten(lambda event: event.update(tenant=1)), "contract"),
        (rewritten(lambda event: event.update(tenant="Not A Tenant")), "contract"),
        (rewritten(lambda event: event.update(subject=None)), "contract"),
        (rewritten(lambda event: event.update(subject="nobody")), "contract"),
        (rewritten(lambda event: event.update(id=1)), "contract"),
        (rewritten(lambda event: event.update(type=None)), "contract"),
        (rewritten(lambda event: event.update(data=[])), "contract"),
        (rewritten(lambda event: event.update(actor="a\0b")), "nul_character"),
        (rewritten(lambda event: event["data"].update(sealed=1)), "not_authentic"),
        (rewritten(lambda event: event["data"].update(sealed={})), "not_authentic"),
        (rewritten(lambda event: event["data"]["sealed"].update(more="x")), "not_authentic"),
        (rewritten(lambda event: event["data"]["sealed"].update(profile=1)), "not_authentic"),
        (rewritten(lambda event: event["data"]["sealed"].pop("activity")), "not_authentic"),
    ],
)  # fmt: skip
def test_what_is_no_event(value: bytes, reason: str) -> None:
    """A record that was written without the key is not an event."""
    assert reason_of(value)[0] == reason


def test_the_largest_event() -> None:
    """4 MiB are read, a byte more is not; what is appended leaves room for its key and the batch."""
    assert (MAX_BYTES, LARGEST_EVENT_BYTES) == (4_194_304, 4_190_208)
    assert reason_of(b" " * MAX_BYTES)[0] == "not_json"
    assert reason_of(b" " * (MAX_BYTES + 1)) == ("too_large", "4194305 bytes, at most 4194304")


def test_a_record_has_the_key_of_its_subject() -> None:
    """Another one, or none, is not authentic."""
    record = seal_event(creation(), KEYS)
    assert read_sealed(*record).value == record.value
    for key in (None, b"", b"demo/other"):
        with pytest.raises(InvalidEvent, match="not_authentic"):
            read_sealed(key, record.value)


def written(envelope: dict[str, Any], parts: Mapping[str, Any]) -> bytes:
    return seal_value(envelope, parts, KEYS)


def envelope_of(event: Any) -> dict[str, Any]:
    envelope: dict[str, Any] = orjson.loads(seal_event(event, KEYS).value)
    del envelope["data"]["sealed"]
    return envelope


def test_what_the_owner_wrote_wrongly_is_no_forgery() -> None:
    """An unknown type or version, a field that is missing or in the part of another class."""
    envelope = envelope_of(login())
    assert reason_of(written({**envelope, "dataversion": "1"}, {})) == (
        "contract", "dataversion must be an integer",
    )  # fmt: skip
    assert reason_of(written({**envelope, "dataversion": True}, {}))[0] == "contract"
    assert reason_of(written({**envelope, "type": "profile.unknown"}, {}))[0] == "unknown_type"
    assert reason_of(written(envelope, {}))[0] == "contract"
    assert reason_of(written(envelope, {PROFILE: {"ip": "192.0.2.1"}})) == (
        "contract", "data.ip belongs to the activity part",
    )  # fmt: skip
    assert reason_of(written(envelope, {PROFILE: {"idp_id": "a\0"}})) == (
        "nul_character", "data.sealed.profile",
    )  # fmt: skip
    assert reason_of(written(envelope, {PROFILE: [1]})) == ("contract", "data.sealed.profile")


def test_an_event_without_activity_has_one_part() -> None:
    """One with an address has two, and the address is in the first."""
    assert list(orjson.loads(seal_event(creation(), KEYS).value)["data"]["sealed"]) == ["profile"]
    parts = orjson.loads(seal_event(login(ip="192.0.2.1"), KEYS).value)["data"]["sealed"]
    assert list(parts) == ["activity", "profile"]


def test_expired_activity_is_absent() -> None:
    """Everything else is read; without the key of the profile nothing is."""
    sealed = parse_sealed(seal_event(login(ip="192.0.2.1"), KEYS).value)
    opened: Any = open_event(sealed, SubjectKeys(3, KEYS.profile, None))
    assert (opened.data.ip, opened.data.attributes["name"]) == (None, "Jane Doe")
    with pytest.raises(KeyDestroyed):
        open_event(sealed, SubjectKeys(3, None, KEYS.activity))


@pytest.mark.parametrize("part", [PROFILE, ACTIVITY])
def test_nothing_is_sealed_without_a_key(part: str) -> None:
    """No part can be sealed without its key; an event without activity needs no activity key."""
    keys = SubjectKeys(3, None if part == PROFILE else b"p" * 32, None if part == ACTIVITY else b"a" * 32)
    with pytest.raises(KeyDestroyed):
        seal_event(login(ip="192.0.2.1"), keys)
    if part == ACTIVITY:
        assert seal_event(creation(), keys).key


def test_the_owner_of_the_keys() -> None:
    """Is the subject."""
    event = creation()
    assert parse_sealed(seal_event(event, KEYS).value).owner == event.subject
