"""The details of log entries besides their columns."""

from typing import Any

from projections.applied import Applied
from projections.log_entry.entries import entries
from projections.log_entry.people import Who, strategy_type, user_name, who
from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE
from schemas.events import (
    ClientThrottled,
    ClientThrottledData,
    LoginFailed,
    LoginFailedData,
    LoginQuarantined,
    PasswordChanged,
    PasswordChangedData,
    PhoneChanged,
    PhoneChangedData,
    UserDeleted,
)
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from tests.samples.profile_events import creation, edit, event, flag, login, on_the_log, person

JOE = person([creation()])


def entries_of(made: Any, before: Any = JOE) -> list[tuple[str, dict[str, Any]]]:
    (logged,) = on_the_log([made])
    found = entries(Applied(logged, before, fold(before, made)))
    return [(entry.type, exact_json.loads(entry.details or "{}")) for entry in found]


def test_a_sign_up_masks_the_password() -> None:
    """A password in the request is masked; the response contains the user."""
    made = creation()
    (_, plain) = entries_of(made, NO_PROFILE)
    assert plain == (
        "ss",
        {"body": {"email": "joe@example.com", "user_id": "auth0|63d17c4a8869daf88ed7db97"}},
    )
    data = made.data.model_copy(update={"request": {"body": {"password": "*****"}}, "operation": "Create"})
    (_, masked) = entries_of(made.model_copy(update={"data": data}), NO_PROFILE)
    assert masked[1]["body"]["password"] == "*****"


def test_only_real_changes_have_an_entry() -> None:
    """An edit to an equal number has no entry."""
    number = event(PhoneChanged, PhoneChangedData(connection="users", phone_number="+1", phone_verified=True))
    assert [code for code, _ in entries_of(number)] == ["sapi", "scpn"]
    again = event(PhoneChanged, PhoneChangedData(connection="users", phone_number="+1", phone_verified=False))
    assert [code for code, _ in entries_of(again, person([number], JOE))] == ["sapi"]
    assert [code for code, _ in entries_of(edit(name="J"))] == ["sapi"]


def test_a_titled_entry_names_the_user() -> None:
    """Unless there is no name."""
    changed = event(PasswordChanged, PasswordChangedData(connection="users", password_hash="h"))
    (_, entry) = entries_of(changed)
    assert entry == ("scp", {"title": "Change Password", "email": "joe@example.com"})
    nameless = person([creation(attributes={})])
    assert entries_of(changed, nameless)[1][1] == {"title": "Change Password"}


def test_a_throttled_client() -> None:
    """The entry has the group and its limit."""
    data = ClientThrottledData(group="reads", limit=5)
    made = event(ClientThrottled, data, subject=tenant_subject("demo"))
    (logged,) = on_the_log([made])
    found = {entry.type: exact_json.loads(entry.details or "{}") for entry in entries(Applied(logged))}
    assert found["api_limit"] == {
        "error": {"message": "Global limit has been reached"}, "group": "reads", "limit": 5,
    }  # fmt: skip


def test_a_refused_login_is_described_by_its_detail_or_reason() -> None:
    """The detail, else the reason; the session where there is one."""
    given: dict[str, Any] = {"connection": "users", "strategy": "auth0", "reason": "wrong_password"}
    plain = event(LoginFailed, LoginFailedData(**given))
    detailed = event(LoginFailed, LoginFailedData(**given, detail="odd", session_id="s"))
    assert entries_of(plain)[0][1]["error"] == {"message": "wrong_password"}
    assert entries_of(detailed)[0][1] == {"error": {"message": "odd"}, "session_id": "s"}


def test_rejected_commands_have_no_entry() -> None:
    """It came to nothing."""
    (logged,) = on_the_log([flag(UserDeleted)])
    assert entries(Applied(logged, JOE, JOE, refused=True)) == ()


def test_who_it_is_about() -> None:
    """The columns are those of the person after the event, otherwise before it; an unknown person has
    none."""
    (logged,) = on_the_log([login()])
    assert who(Applied(logged)) == Who()
    assert who(Applied(logged, JOE, NO_PROFILE)).user_name == "joe@example.com"
    assert who(Applied(logged, NO_PROFILE, JOE)) == (
        "auth0|63d17c4a8869daf88ed7db97", "joe@example.com", "users", "auth0", "database",
    )  # fmt: skip
    assert who(Applied(logged, NO_PROFILE, NO_PROFILE)) == Who()


def test_a_users_name_in_the_logs() -> None:
    """The address, or the next best text."""
    assert user_name({"email": "", "username": "u", "name": "N"}) == "u"
    assert user_name({"email": 1, "name": "N"}) == "N"
    assert user_name({}) is None


def test_the_type_of_a_strategy() -> None:
    """A database or passwordless one by its name; of others what the login says."""
    assert [strategy_type(name, True) for name in ("auth0", "email", "sms", "x")] == [
        "database", "passwordless", "passwordless", "social",
    ]  # fmt: skip
    assert (strategy_type("x", False), strategy_type("x", None)) == ("enterprise", None)


def quarantined(**changes: Any) -> Any:
    given = {"reason": "unmappable", "record": "logins.raw/0/5", "earlier": 0}
    data = LoginQuarantined.model_fields["data"].annotation(**{**given, **changes})
    return event(LoginQuarantined, data, subject=tenant_subject("demo"))


def test_a_quarantined_login() -> None:
    """With how many there were since the last entry, and the detail where there is one."""
    (logged,) = on_the_log([quarantined(earlier=3, detail="no id")])
    (entry,) = entries(Applied(logged))
    assert entry.type == "w"
    assert entry.description is not None
    assert entry.description.endswith(" Others since the last entry for this reason: 3.")
    assert exact_json.loads(entry.details or "")["error"] == {"message": "no id"}
    (logged,) = on_the_log([quarantined()])
    (plain,) = entries(Applied(logged))
    assert plain.description is not None
    assert "Others" not in plain.description
    message = exact_json.loads(plain.details or "")["error"]["message"]
    assert plain.description == f"A login was refused: {message}"
