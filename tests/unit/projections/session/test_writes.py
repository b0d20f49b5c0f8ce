"""Statements about sessions, tokens, grants and device credentials, in the order of the log."""

from collections.abc import Iterable
from typing import Any

import pytest

from projections.applied import Applied
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE
from projections.session.writes import session_writes
from schemas.events import (
    DeviceCredentialCreated,
    DeviceCredentialCreatedData,
    DeviceCredentialRemoved,
    DeviceCredentialRemovedData,
    GrantRevoked,
    GrantRevokedData,
    RefreshTokenChanged,
    RefreshTokenChangedData,
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
    SessionChanged,
    SessionChangedData,
    SessionRevoked,
    SessionRevokedData,
    UserDeleted,
)
from tests.samples.profile_events import SUBJECT, creation, event, flag, login, on_the_log

PERSON = ("demo", SUBJECT)
EVERY = [
    "delete_all_device_credentials",
    "delete_all_grants",
    "delete_all_refresh_tokens",
    "delete_all_sessions",
]


def applied(events: Iterable[Any]) -> list[Applied]:
    """The applied event of an existing person."""
    found, person = [], fold(NO_PROFILE, creation())
    for logged in on_the_log(events):
        before, person = person, fold(person, logged.event)
        found.append(Applied(logged, before, person))
    return found


def writes(*events: Any) -> list[dict[str, list[Any]]]:
    return [dict(stage) for stage in session_writes(applied(events))]


def signed_in(minute: int = 0, session: str = "s", **changes: Any) -> Any:
    return login(minute, session_id=session, client_id="app", provider="auth0", idp_id="1", **changes)


def revoked(**data: Any) -> Any:
    return event(SessionRevoked, SessionRevokedData(**data))


def tokens_revoked(**data: Any) -> Any:
    return event(RefreshTokenRevoked, RefreshTokenRevokedData(**data))


def test_logins_come_to_one_statement_per_table() -> None:
    """Two of a session are one row, two sessions two."""
    granted = {"refresh_token": {"id": "t"}, "scope": "openid"}
    (stage,) = writes(signed_in(0, **granted), signed_in(1, **granted), signed_in(2, "other"))
    assert {name: len(rows) for name, rows in stage.items()} == {
        "write_sessions": 2,
        "write_refresh_tokens": 1,
        "write_grants": 1,
    }
    first = stage["write_sessions"][0]
    assert first[3:5] == ("2026-11-23T10:00:00.000Z", "2026-11-23T10:01:00.000Z")
    assert first[-1] == '{"app"}'


def test_arrays_are_quoted() -> None:
    """A quotation mark or a backslash in a name stays in it."""
    (stage,) = writes(login(session_id="s", client_id="app", scope='a"b c\\d'))
    assert '{"a\\"b","c\\\\d"}' in stage["write_grants"][0]


def test_what_happens_after_a_revocation_is_written_after_it() -> None:
    """A login, its revocation and the next login are three stages; different people share one."""
    stages = writes(signed_in(0), revoked(session_id="s"), signed_in(1))
    assert [list(stage) for stage in stages] == [["write_sessions"], ["delete_sessions"], ["write_sessions"]]
    own = applied([signed_in(0), revoked(session_id="s")])
    other = [
        Applied(
            one.logged._replace(event=one.event.model_copy(update={"subject": "sub_2"})),
            one.before,
            one.after,
        )
        for one in applied([revoked(session_id="s"), signed_in(0)])
    ]
    assert [sorted(name for name, _ in stage) for stage in session_writes([*own, *other])] == [
        ["delete_sessions", "write_sessions"],
        ["delete_sessions", "write_sessions"],
    ]


def test_a_change_of_one_table_waits_for_no_other() -> None:
    """A revoked grant and a login's session are about different things."""
    stages = writes(signed_in(0), event(GrantRevoked, GrantRevokedData(grant_id="g")))
    assert [sorted(stage) for stage in stages] == [["delete_grants", "write_sessions"]]


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (revoked(session_id="s"), {"delete_sessions": [(*PERSON, "s")]}),
        (
            revoked(session_id="s", refresh_tokens=True),
            {"delete_sessions": [(*PERSON, "s")], "delete_refresh_tokens_of_sessions": [(*PERSON, "s")]},
        ),
        (revoked(every=True), {"delete_all_sessions": [PERSON]}),
        (
            revoked(every=True, refresh_tokens=True),
            {"delete_all_sessions": [PERSON], "delete_all_refresh_tokens": [PERSON]},
        ),
        (
            tokens_revoked(refresh_token_ids=("a", "b")),
            {"delete_refresh_tokens": [(*PERSON, "a"), (*PERSON, "b")]},
        ),
        (tokens_revoked(every=True), {"delete_all_refresh_tokens": [PERSON]}),
        (
            tokens_revoked(every=True, client_id="app", audience="api"),
            {"delete_refresh_tokens_of_clients": [(*PERSON, "app", "api")]},
        ),
        (event(GrantRevoked, GrantRevokedData(grant_id="g")), {"delete_grants": [(*PERSON, "g")]}),
        (event(GrantRevoked, GrantRevokedData(every=True)), {"delete_all_grants": [PERSON]}),
        (
            event(DeviceCredentialRemoved, DeviceCredentialRemovedData(credential_id="dcr_0123456789abcdef")),
            {"delete_device_credentials": [(*PERSON, "dcr_0123456789abcdef")]},
        ),
    ],
)
def test_revoked_sessions_are_deleted(made: Any, wanted: dict[str, Any]) -> None:
    """One, those that are named, or all; tokens of sessions only where they end too."""
    (stage,) = writes(made)
    assert stage == wanted


def test_a_device_credential() -> None:
    """Is a row with the time of its event."""
    data = DeviceCredentialCreatedData(
        credential_id="dcr_0123456789abcdef", client_id="app", device_id="d", device_name="Phone", value="key"
    )
    (stage,) = writes(event(DeviceCredentialCreated, data))
    row = (*PERSON, "dcr_0123456789abcdef", "app", "d", "Phone", "key", "2026-11-23T10:00:00.000Z")
    assert stage == {"write_device_credentials": [row]}


@pytest.mark.parametrize(("metadata", "text"), [({"a": 1}, '{"a":1}'), ({}, None), (None, None)])
def test_metadata_is_described(metadata: Any, text: str | None) -> None:
    """Metadata of a session and of a refresh token is written; removed metadata is null."""
    of_a_session = event(SessionChanged, SessionChangedData(session_id="s", session_metadata=metadata))
    of_a_token = event(
        RefreshTokenChanged, RefreshTokenChangedData(refresh_token_id="t", refresh_token_metadata=metadata)
    )
    now = "2026-11-23T10:00:00.000Z"
    assert writes(of_a_session) == [{"describe_sessions": [(*PERSON, "s", text, now)]}]
    assert writes(of_a_token) == [{"describe_refresh_tokens": [(*PERSON, "t", text, now)]}]


def test_an_event_whose_activity_has_expired_changes_nothing() -> None:
    """It does not say any more which session or token it was of."""
    assert writes(event(SessionChanged, SessionChangedData())) == []
    assert writes(event(RefreshTokenChanged, RefreshTokenChangedData())) == []
    assert writes(revoked()) == []


def test_a_deleted_person_has_nothing_left() -> None:
    """All rows are deleted once; a second deletion has no effect."""
    (stage,) = writes(flag(UserDeleted))
    assert sorted(stage) == EVERY
    assert all(rows == [PERSON] for rows in stage.values())
    assert len(writes(flag(UserDeleted), flag(UserDeleted))) == 1


def test_what_was_turned_down_writes_nothing() -> None:
    """A refused command and an event without a person write no rows."""
    (one,) = applied([revoked(session_id="s")])
    assert session_writes([Applied(one.logged, one.before, one.after, refused=True)]) == []
    assert session_writes([Applied(one.logged)]) == []


def test_all_sessions_end_between_two_logins() -> None:
    """A statement about all rows of a person is about each of them."""
    stages = writes(signed_in(0), revoked(every=True), signed_in(1, "other"))
    assert [list(stage) for stage in stages] == [
        ["write_sessions"], ["delete_all_sessions"], ["write_sessions"],
    ]  # fmt: skip
