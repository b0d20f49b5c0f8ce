"""POST /users decided: defaults, requirements per kind of connection, claims."""

from hashlib import md5
from typing import Any

import pytest

from schemas.events import UserCreated
from services.commands.decision import Acceptance
from services.commands.users.create import create_rejection, decide_create
from services.commands.users.inputs import NewUser
from services.ledger.reservations import Reservation
from services.management.users.models import CreateUser
from services.management.users.write_users import new_user_of
from services.runtime.rejection import Rejection
from tests.samples.stored_documents import NAME, make_connection

ID = "63d17c4a8869daf88ed7db97"


def create(connection: Any = None, hashed: str | None = "h", **body: Any) -> Any:
    known = connection or make_connection()
    given = {"connection": NAME, **({"password": "p"} if known.strategy == "auth0" else {}), **body}
    wanted = {name: value for name, value in given.items() if value is not None}
    user = new_user_of(CreateUser.model_validate(wanted))
    return create_rejection(known, user) or decide_create(known, user, hashed, ID)


def data_of(decision: Any) -> Any:
    assert isinstance(decision, Acceptance), decision
    (draft,) = decision.drafts
    assert draft.event is UserCreated
    return draft.data


def refusal_of(decision: Any) -> Rejection:
    assert isinstance(decision, Rejection), decision
    return decision


def test_a_new_database_user_gets_the_recorded_defaults() -> None:
    """Name, nickname, picture and email_verified are the ones real traffic shows."""
    data = data_of(create(email="Chuck@Example.com", given_name="Chuck", family_name="Sanchez"))
    digest = md5(b"chuck@example.com", usedforsecurity=False).hexdigest()
    picture = (
        f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fch.png"
    )
    assert data.attributes == {
        "email": "chuck@example.com",
        "email_verified": False,
        "given_name": "Chuck",
        "family_name": "Sanchez",
        "name": "chuck@example.com",
        "nickname": "chuck",
        "picture": picture,
    }
    assert (data.provider, data.idp_id, data.blocked, data.password_hash) == ("auth0", ID, None, "h")
    assert data.sources == dict.fromkeys(("name", "nickname", "picture"), "default:email")


@pytest.mark.parametrize(
    "options",
    [
        {"requires_username": True},
        {"attributes": {"email": {}, "username": {"signup": {"status": "required"}}}},
    ],
)
def test_a_required_username_is_missed(options: dict[str, Any]) -> None:
    """A connection that requires usernames takes no user without one."""
    refusal = refusal_of(create(make_connection(options=options)))
    assert (refusal.kind, refusal.code) == ("invalid", "invalid_body")
    assert "Missing required property: username" in refusal.message
    assert data_of(create(make_connection(options=options), username="jane")).attributes["username"] == "jane"


def test_what_the_caller_gives_is_kept() -> None:
    """Given attributes win over defaults, `blocked: false` stays visible, null metadata keys are dropped."""
    data = data_of(
        create(
            email="a@b.co", name="A", nickname="N", picture="https://x.example/p.png", email_verified=True,
            blocked=False, user_metadata={"a": 1, "gone": None}, app_metadata={},
        )
    )  # fmt: skip
    assert data.sources == {}
    assert data.attributes["email_verified"] is True
    assert (data.blocked, data.user_metadata, data.app_metadata) == (False, {"a": 1}, {})


def test_each_unique_value_is_reserved_in_its_compared_form() -> None:
    """Email and username lower-cased, a caller's own id too; a generated id needs no claim."""
    connection = make_connection(options={"requires_username": True})
    accepted = create(connection, email="A@B.co", username="Chuck", user_id="own")
    assert accepted.reservations == (
        Reservation(NAME, "email", "a@b.co"),
        Reservation(NAME, "username", "chuck"),
        Reservation(NAME, "user_id", ID),
    )
    assert create(email="A@B.co").reservations == (Reservation(NAME, "email", "a@b.co"),)


@pytest.mark.parametrize(
    ("connection", "body", "message"),
    [
        (make_connection("google-oauth2"), {"email": "a@b.co"}, "Connection does not support user creation"),
        (make_connection("samlp"), {"email": "a@b.co"}, "Connection does not support user creation"),
        (
            make_connection(options={"enabledDatabaseCustomization": True}),
            {"email": "a@b.co"},
            "Connection does not support user creation",
        ),
        (make_connection(authentication={"active": False}), {"email": "a@b.co"}, "Connection is disabled."),
        (
            None,
            {"email": "a@b.co", "username": "x"},
            "Cannot set username for connection without requires_username.",
        ),
        (None, {"email": "a@b.co", "phone_number": "+1"}, "Cannot set phone_number for connection without"),
        (None, {}, "Payload validation error: 'Missing required property: email'."),
        (
            None,
            {"email": "a@b.co", "password": None},
            "Payload validation error: 'Missing required property: password'.",
        ),
        (make_connection("email"), {}, "Payload validation error: 'Missing required property: email'."),
        (make_connection("sms"), {}, "Payload validation error: 'Missing required property: phone_number'."),
        (
            make_connection("sms"),
            {"phone_number": "+1", "password": "x"},
            "Payload validation error: 'Additional properties not allowed: password'.",
        ),
        (
            make_connection("email"),
            {"email": "a@b.co", "username": "x"},
            "Cannot set username for connection without requires_username.",
        ),
    ],
)
def test_creation_is_refused_with_documented_messages(connection: Any, body: Any, message: str) -> None:
    """Each kind of connection refuses with status 400 and its own message."""
    refusal = refusal_of(create(connection, **body))
    assert refusal.kind == "invalid"
    assert refusal.message.startswith(message)


def test_an_unknown_connection_is_named_as_such() -> None:
    """An unknown connection is refused before all other checks."""
    refusal = refusal_of(create_rejection(None, NewUser(connection="x")))
    assert (refusal.kind, refusal.message, refusal.code) == (
        "invalid", "Connection does not exist.", "inexistent_connection",
    )  # fmt: skip


def test_a_username_can_stand_for_the_email() -> None:
    """With requires_username an email is not needed, and the defaults come from the username."""
    data = data_of(create(make_connection(options={"requires_username": True}), username="Chuck"))
    assert data.attributes["username"] == "chuck"
    assert (data.attributes["name"], data.attributes["nickname"]) == ("chuck", "chuck")
    assert "email" not in data.attributes


def test_passwordless_users_need_no_password() -> None:
    """An email user keeps the case of the address; an sms user is known by number."""
    by_email = data_of(create(make_connection("email"), None, email="Jane@Example.com"))
    assert (by_email.provider, by_email.attributes["email"]) == ("email", "Jane@Example.com")
    by_number = data_of(create(make_connection("sms"), None, phone_number="+15551234567"))
    assert by_number.attributes["phone_verified"] is False
    assert by_number.attributes["name"] == "+15551234567"


@pytest.mark.parametrize(
    ("options", "password", "enough"),
    [
        ({"passwordPolicy": "good"}, "1234567", False),
        ({"passwordPolicy": "good"}, "12345678", True),
        ({"passwordPolicy": "excellent"}, "123456789", False),
        ({"passwordPolicy": "low"}, "12345", False),
        ({"passwordPolicy": "none"}, "1", True),
        ({"passwordPolicy": None}, "1", True),
        ({"passwordPolicy": "good", "password_complexity_options": {"min_length": 3}}, "123", True),
        ({"password_options": {"complexity": {"min_length": 15}}}, "12345678901234", False),
    ],
)
def test_a_password_must_be_as_long_as_the_policy_says(options: Any, password: str, enough: bool) -> None:
    """Too short is `PasswordStrengthError`, without an errorCode."""
    decision = create(make_connection(options=options), email="a@b.co", password=password)
    if enough:
        assert isinstance(decision, Acceptance)
    else:
        refusal = refusal_of(decision)
        assert refusal.message == "PasswordStrengthError: Password is too weak"
        assert refusal.code is None


@pytest.mark.parametrize("username", ["x" * 16, "white space", "a@b.co", "ünder"])
def test_a_username_must_look_like_one(username: str) -> None:
    """Too long, wrong characters and addresses are refused as a body that breaks its schema."""
    refusal = refusal_of(
        create(make_connection(options={"requires_username": True}), email="q@w.co", username=username)
    )
    assert refusal.code == "invalid_body"
    assert "on property username" in refusal.message
