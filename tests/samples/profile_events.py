"""Events of one person for tests of the folds: valid ones, with anything overridden."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from projections.logged import Logged
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE, Profile
from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    EmailChanged,
    EmailChangedData,
    LoginSucceeded,
    LoginSucceededData,
    MetadataChanged,
    MetadataChangedData,
    UserCreated,
    UserCreatedData,
)
from schemas.formats.positions import Position

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SUBJECT = f"sub_{1:032x}"
_numbers = itertools.count(1)


def at(minutes: int) -> datetime:
    """The time this many minutes after the start."""
    return START + timedelta(minutes=minutes)


def on_the_log(events: Iterable[Any]) -> list[Logged]:
    """Events where one partition of the log would hold them, a second apart."""
    return [
        Logged(event, Position(0, offset), START + timedelta(seconds=offset))
        for offset, event in enumerate(events)
    ]


def event(model: type[Any], data: Any, minute: int = 0, **changes: Any) -> Any:
    """An event at a minute."""
    given = {
        "id": f"0190a1b2-c3d4-7e5f-8a9b-{next(_numbers):012x}",
        "source": "/vita/test",
        "subject": SUBJECT,
        "time": at(minute),
        "tenant": "demo",
        "actor": "client:admin",
        "data": data,
    }
    return model(**{**given, **changes})


def login(minute: int = 0, **changes: Any) -> LoginSucceeded:
    """A login through google-oauth2; what is not an envelope's is the data's."""
    given: dict[str, Any] = {
        "connection": "google-oauth2",
        "strategy": "google-oauth2",
        "is_social": True,
        "root_policy": "on_each_login",
        "provider": "google-oauth2",
        "idp_id": "117",
        "attributes": {"name": "Jane Doe", "email": "jane@example.com", "email_verified": True},
    }
    envelope = {name: changes.pop(name) for name in ("id", "sourceposition", "subject") if name in changes}
    data = LoginSucceededData(**{**given, **changes})
    made: LoginSucceeded = event(
        LoginSucceeded, data, minute, actor=f"connection:{data.connection}", **envelope
    )
    return made


def creation(minute: int = 0, **changes: Any) -> UserCreated:
    """A user of a database connection."""
    given: dict[str, Any] = {
        "connection": "users",
        "strategy": "auth0",
        "provider": "auth0",
        "idp_id": "63d17c4a8869daf88ed7db97",
        "attributes": {"email": "joe@example.com", "email_verified": False, "nickname": "joe"},
    }
    envelope = {name: changes.pop(name) for name in ("id", "causationid", "subject") if name in changes}
    made: UserCreated = event(UserCreated, UserCreatedData(**{**given, **changes}), minute, **envelope)
    return made


def edit(minute: int = 0, removed: tuple[str, ...] = (), expected: int | None = None, **values: Any) -> Any:
    """Root attributes set and removed."""
    data = AttributesChangedData(
        changed=tuple(values), removed=removed, values=values, expected_revision=expected
    )
    return event(AttributesChanged, data, minute)


def metadata(minute: int = 0, **patches: Any) -> Any:
    """Metadata patched."""
    return event(MetadataChanged, MetadataChangedData(**patches), minute)


def address(email: str | None, verified: bool = False, minute: int = 0) -> Any:
    """Another address, or none."""
    data = EmailChangedData(connection="users", email=email, email_verified=verified)
    return event(EmailChanged, data, minute)


def flag(model: type[Any], minute: int = 0, expected: int | None = None, **changes: Any) -> Any:
    """A block, an unblock or a deletion."""
    data = model.model_fields["data"].annotation
    assert data is not None
    return event(model, data(expected_revision=expected), minute, **changes)


def person(events: Iterable[Any], start: Profile = NO_PROFILE) -> Profile:
    """Who these events make."""
    return reduce(fold, events, start)


def document(*events: Any) -> dict[str, Any]:
    """The document of who these events make."""
    made = person(events).document
    assert made is not None
    return dict(made)
