"""Events of a person in words."""

from typing import Any

import pytest

from projections.history.changes import changes_between
from projections.history.steps import HistoryStep, step
from projections.history.summary import summary
from projections.profile.state import NO_PROFILE
from schemas.events import LoginFailed, LoginFailedData, UserBlocked, UserDeleted
from tests.samples.profile_events import address, creation, edit, event, flag, login, metadata, on_the_log


def last(*events: Any) -> HistoryStep:
    """The last step of a history."""
    profile = NO_PROFILE
    for logged in on_the_log(events):
        found = step(profile, logged)
        profile = found.after
    return found


def words(*events: Any) -> str:
    found = last(*events)
    return summary(found, changes_between(found.before, found.after))


FAILED = event(
    LoginFailed,
    LoginFailedData(connection="users", strategy="auth0", reason="wrong_password"),
    actor="connection:users",
)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((login(),), "Signed in through google-oauth2, which created the profile"),
        (
            (login(), login(1, client_id="app", attributes={"name": "J"})),
            'Signed in through google-oauth2 with client app; name changed from "Jane Doe" to "J"',
        ),
        ((creation(),), "Created in users by client admin"),
        ((creation(), FAILED), "Sign-in failed through users (wrong_password)"),
        ((creation(), edit(1, given_name="Jo")), 'Attributes edited by client admin; given_name set to "Jo"'),
        (
            (creation(), edit(1, removed=("nickname",))),
            'Attributes edited by client admin; nickname removed (was "joe")',
        ),
        (
            (
                creation(app_metadata={"plan": "gold"}),
                metadata(2, app_metadata={"plan": None, "n": 1}),
            ),
            'Metadata edited by client admin; app_metadata plan removed (was "gold");'
            " app_metadata n set to 1",
        ),
        (
            (creation(), address("new@example.com", True, 1)),
            'E-mail address edited by client admin; email changed from "joe@example.com" to'
            ' "new@example.com"; email_verified changed from false to true',
        ),
        ((creation(), flag(UserBlocked, 1)), "Blocked by client admin; blocked set to true"),
        ((creation(), flag(UserBlocked, 1, expected=7)), "Blocked by client admin: refused, nothing changed"),
        ((creation(), flag(UserDeleted, 1)), "Deleted by client admin"),
    ],
)  # fmt: skip
def test_an_event_reads_as_a_sentence(events: tuple[Any, ...], said: str) -> None:
    """What happened, through whom, and what it changed; counters and times are left out."""
    assert words(*events) == said


def test_long_values_and_many_changes_are_shortened() -> None:
    """A line stays readable, whatever it is about."""
    many = words(
        creation(user_metadata={"a": 1}),
        metadata(1, user_metadata={f"key{number}": "x" * 100 for number in range(9)}),
    )
    assert many.endswith("; 3 more changes")
    assert max(map(len, many.split("; "))) < 90
