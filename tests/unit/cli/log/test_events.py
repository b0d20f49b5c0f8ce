"""What `vita tail` picks, opens and keeps to itself."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.events import LoginFailed, LoginFailedData, UserCreated, UserCreatedData
from schemas.formats.identifiers import new_event_id, new_subject
from schemas.sealing.keys import SubjectKeys, generate_subject_keys
from schemas.sealing.mapper import read_sealed, seal_event
from services.cli.log import unseal
from services.cli.log.event_filter import EventFilter
from services.cli.log.unseal import EventUnsealer

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SUBJECT = new_subject(NOW)


def _sealed(keys: SubjectKeys, failed: bool = False) -> Any:
    envelope = {
        "id": new_event_id(NOW), "source": "/t", "subject": SUBJECT, "time": NOW, "tenant": "demo",
        "actor": "system:t",
    }  # fmt: skip
    if failed:
        data = LoginFailedData(connection="c", strategy="auth0", reason="wrong_password", ip="203.0.113.9")
        return read_sealed(*seal_event(LoginFailed(**envelope, data=data), keys))
    created = UserCreatedData(
        connection="c", strategy="auth0", provider="auth0", idp_id="1", attributes={"name": "Jane"},
        password_hash="$argon2id$secret",
    )  # fmt: skip
    return read_sealed(*seal_event(UserCreated(**envelope, data=created), keys))


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (EventFilter(), True),
        (EventFilter(tenant="demo", type="profile.user.created", subject=SUBJECT), True),
        (EventFilter(type="profile.user.*"), True),
        (EventFilter(type="user.*"), True),
        (EventFilter(type="login.*"), False),
        (EventFilter(tenant="other"), False),
        (EventFilter(subject="sub_0"), False),
    ],
)
def test_filters(wanted: EventFilter, held: bool) -> None:
    """Tenant and subject are exact, a type may be a pattern with or without its first word."""
    assert wanted.holds(_sealed(generate_subject_keys())) is held


async def test_opening_shows_the_data_and_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of events sees what happened, never a password hash."""
    keys = generate_subject_keys()
    event = await _opener(monkeypatch, keys).open(_sealed(keys))
    assert event["data"]["attributes"] == {"name": "Jane"}
    assert event["data"]["password_hash"] == "(kept secret)"
    assert "sealed" not in event["data"]
    assert "argon2id" not in str(event)


async def test_destroyed_keys_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was erased is said to be, and its envelope stays readable."""
    keys = generate_subject_keys()
    event = await _opener(monkeypatch, SubjectKeys(1, None, None)).open(_sealed(keys))
    assert "destroyed" in event["unreadable"]
    assert event["type"] == "profile.user.created"


async def test_wrong_keys_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keys of another subject, the event shows a reason and the command does not fail."""
    event = await _opener(monkeypatch, generate_subject_keys()).open(_sealed(generate_subject_keys()))
    assert event["unreadable"].startswith("not_authentic")


async def test_expired_activity_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that have expired leave the rest of a failed login readable."""
    keys = generate_subject_keys()
    event = await _opener(monkeypatch, SubjectKeys(1, keys.profile, None)).open(_sealed(keys, failed=True))
    assert event["data"]["reason"] == "wrong_password"
    assert "ip" not in event["data"]


def _opener(monkeypatch: pytest.MonkeyPatch, keys: SubjectKeys) -> EventUnsealer:
    async def read(_connection: object, _keyring: object, owners: list[tuple[str, str]]) -> Any:
        return dict.fromkeys(owners, keys)

    monkeypatch.setattr(unseal, "read_keys", read)
    return EventUnsealer(None, None)
