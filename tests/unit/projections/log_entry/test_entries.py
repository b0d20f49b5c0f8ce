"""The log entries of each kind of event."""

from typing import Any

import pytest

from projections.applied import Applied
from projections.log_entry.entries import entries
from projections.log_entry.entry import Entry
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE, Profile
from schemas.events import (
    ClientThrottled,
    ClientThrottledData,
    LoginFailed,
    LoginFailedData,
    PasswordChanged,
    PasswordChangedData,
    UserBlocked,
    UserDeleted,
)
from schemas.formats import exact_json
from schemas.logins.reasons import CODES, code_of, table
from tests.samples.profile_events import address, creation, edit, event, flag, login, on_the_log, person

COMMAND = "0190a1b2-c3d4-7e5f-8a9b-00000000c0de"


def entries_of(one: Any, before: Profile = NO_PROFILE) -> tuple[Entry, ...]:
    """The entries of an event that is applied to an existing person."""
    (logged,) = on_the_log([one])
    return entries(Applied(logged, before, fold(before, one)))


def failure(reason: str, **more: Any) -> Any:
    data = LoginFailedData(connection="users", strategy="auth0", reason=reason, **more)
    return event(LoginFailed, data, actor="connection:users")


def requested(one: Any, operation: str, **request: Any) -> Any:
    """The event as the first of a command that came through the API."""
    asked = {
        "method": "patch",
        "path": "/api/v2/users/x",
        "scopes": ["update:users"],
        "status": 200,
        **request,
    }
    data = one.data.model_copy(update={"operation": operation, "request": asked})
    return one.model_copy(update={"data": data, "causationid": COMMAND})


def test_a_login() -> None:
    """Who, through what, from where; the session in the details."""
    (entry,) = entries_of(login(ip="192.0.2.1", user_agent="curl/8", client_id="app", session_id="s1"))
    assert (entry.type, entry.user_id, entry.user_name) == ("s", "google-oauth2|117", "jane@example.com")
    assert (entry.connection, entry.strategy, entry.strategy_type) == (
        "google-oauth2",
        "google-oauth2",
        "social",
    )
    assert (entry.ip, entry.user_agent, entry.client_id) == ("192.0.2.1", "curl/8", "app")
    assert entry.details == '{"session_id":"s1"}'


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("wrong_password", "fp"), ("unknown_user", "fu"), ("too_many_attempts", "limit_wc"), ("mfar", "mfar"),
        ("suspicious_ip", "limit_mu"), ("breached_password", "pwd_leak"), ("whatever", "f"),
    ],
)  # fmt: skip
def test_a_refused_login(reason: str, code: str) -> None:
    """The reason decides the code; what was typed is the name."""
    (entry,) = entries_of(failure(reason, identifier="jane"))
    assert (entry.type, entry.user_name, entry.user_id) == (code, "jane", None)
    assert (entry.strategy_type, entry.description) == ("database", reason)


def test_every_reason_is_published() -> None:
    """The table that ingest shows names each reason with its code."""
    assert all(name in table() for name in CODES)
    assert code_of("limit_wc") == "limit_wc"


def test_a_creation_is_a_command_and_a_sign_up() -> None:
    """`sapi` records the request, `ss` the new user without a password."""
    made = requested(creation(), "Create a User", body={"email": "joe@example.com", "password": "*****"})
    administration, sign_up = entries_of(made)
    assert (administration.type, administration.description) == ("sapi", "Create a User")
    assert (sign_up.type, sign_up.strategy_type, sign_up.connection) == ("ss", "database", "users")
    assert exact_json.loads(sign_up.details)["body"]["password"] == "*****"
    request = exact_json.loads(administration.details)["request"]
    assert request["auth"] == {"credentials": {"scopes": ["update:users"]}, "strategy": "jwt", "user": {}}
    assert (request["channel"], request["method"]) == ("api", "patch")
    assert administration.client_id == "admin"


def test_the_events_that_follow_in_a_command_add_only_their_own_codes() -> None:
    """A block and a new address in one command: one `sapi`, one `sce`."""
    before = person([creation()])
    first = requested(flag(UserBlocked), "Update a User")
    second = address("new@example.com").model_copy(update={"causationid": COMMAND})
    assert [entry.type for entry in entries_of(first, before)] == ["sapi"]
    assert [entry.type for entry in entries_of(second, before)] == ["sce"]


def test_codes_tell_only_what_changed() -> None:
    """An address that is only verified is no change of address; a nickname is no username."""
    before = person([creation()])
    assert [entry.type for entry in entries_of(address("joe@example.com", verified=True), before)] == ["sapi"]
    assert [entry.type for entry in entries_of(edit(nickname="j"), before)] == ["sapi"]
    assert [entry.type for entry in entries_of(edit(username="joe"), before)] == ["sapi", "scu"]
    changed = event(PasswordChanged, PasswordChangedData(connection="users", password_hash="h"))
    assert [entry.type for entry in entries_of(changed, before)] == ["sapi", "scp"]


def test_a_deletion_names_who_it_was() -> None:
    """The entry has the person before the deletion."""
    before = person([creation()])
    administration, deletion = entries_of(flag(UserDeleted), before)
    assert deletion.type == "sdu"
    assert administration.user_name == deletion.user_name == "joe@example.com"


def test_what_no_request_caused_names_its_actor() -> None:
    """The entry of an event of the system itself has Vita's own description."""
    (entry,) = entries_of(flag(UserBlocked), person([creation()]))
    assert (entry.description, entry.details) == ("User blocked", '{"actor":"client:admin"}')


def test_a_profile_larger_than_advised_is_warned_of() -> None:
    """The change that leaves it so has an entry more, with whose it is and how large."""
    one = requested(edit(name="Jane"), "Update a User")
    heavy = one.model_copy(update={"data": one.data.model_copy(update={"profile_bytes": 12_000})})
    _, warning = entries_of(heavy, person([creation()]))
    assert warning.type == "wum"
    assert exact_json.loads(warning.details or "") == {
        "tenant": "demo",
        "user_id": warning.user_id,
        "profile_bytes": 12_000,
    }


def test_a_client_that_asked_too_often() -> None:
    """The entry has only its own code, with the client, its address and the exceeded limit."""
    data = ClientThrottledData(
        group="read_users", limit=40, request={"ip": "192.0.2.1", "user_agent": "curl/8"}
    )
    one = event(ClientThrottled, data, actor="client:app", causationid=COMMAND)
    (logged,) = on_the_log([one])
    (entry,) = entries(Applied(logged))
    assert (entry.type, entry.client_id, entry.ip, entry.user_agent) == (
        "api_limit", "app", "192.0.2.1", "curl/8",
    )  # fmt: skip
    assert entry.details is not None
    assert exact_json.loads(entry.details) == {
        "error": {"message": "Global limit has been reached"}, "group": "read_users", "limit": 40,
    }  # fmt: skip
