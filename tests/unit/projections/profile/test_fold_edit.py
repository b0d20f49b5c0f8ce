"""What admins and applications do to a profile."""

from typing import Any

import pytest

from projections.profile.changes.deletions import DELETED
from projections.profile.document import ordered
from projections.profile.provenance import of
from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    EmailChanged,
    EmailChangedData,
    MetadataChangedData,
    PasswordChanged,
    PasswordChangedData,
    PhoneChanged,
    PhoneChangedData,
    UserBlocked,
    UserDeleted,
    UserUnblocked,
)
from tests.samples.profile_events import (
    address,
    creation,
    document,
    edit,
    event,
    flag,
    login,
    metadata,
    person,
)


def test_a_created_user() -> None:
    """The document has what was given, no login, and the hash is kept apart."""
    made = person([creation(minute=1, user_metadata={"a": 1}, blocked=False, password_hash="$2b$")])
    assert made.document == {
        "user_id": "auth0|63d17c4a8869daf88ed7db97",
        "email": "joe@example.com",
        "email_verified": False,
        "nickname": "joe",
        "user_metadata": {"a": 1},
        "blocked": False,
        "identities": [
            {
                "connection": "users",
                "user_id": "63d17c4a8869daf88ed7db97",
                "provider": "auth0",
                "isSocial": False,
            }
        ],
        "created_at": "2026-11-23T10:01:00.000Z",
        "updated_at": "2026-11-23T10:01:00.000Z",
    }
    assert made.secrets == {"password_hash": "$2b$"}
    assert made.revision == 1


def test_keys_are_answered_in_the_recorded_order() -> None:
    """`user_id` first, the others by the alphabet but for `username` and, last, `app_metadata` (spec §17)."""
    attributes = {"username": "joe", "nickname": "j", "email": "a@x.com", "picture": "https://p", "name": "J"}
    made = creation(attributes=attributes, app_metadata={"plan": "x"}, user_metadata={"b": 1}, blocked=True)
    assert list(ordered(document(made))) == [
        "user_id", "blocked", "created_at", "email", "identities", "name", "nickname", "picture",
        "updated_at", "user_metadata", "username", "app_metadata",
    ]  # fmt: skip


METADATA: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    ({"a": 1}, {"a": None, "c": None}, {}),
    ({"a": {"x": None}}, {"b": {"y": None}}, {"a": {"x": None}, "b": {"y": None}}),
    ({"a": 1}, {}, {}),
    (None, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("before", "patch", "after"), METADATA)
def test_metadata_patches(before: Any, patch: Any, after: Any) -> None:
    """Merged at the first level, null removes, an empty object wipes; empty `app_metadata` is not shown."""
    start = creation(user_metadata=before, app_metadata=before)
    made = document(start, metadata(user_metadata=patch, app_metadata=patch))
    assert made["user_metadata"] == after
    assert made.get("app_metadata") == (after or None)


def test_metadata_left_alone() -> None:
    """A patch of one kind does not touch the other."""
    made = document(creation(user_metadata={"u": 1}, app_metadata={"a": 1}), metadata(app_metadata={"b": 2}))
    assert (made["user_metadata"], made["app_metadata"]) == ({"u": 1}, {"a": 1, "b": 2})


def test_an_edit_sets_and_removes() -> None:
    """Values replace, removed names go, and provenance names the editor for both."""
    made = person([creation(attributes={"name": "A", "nickname": "n"}), edit(3, ("nickname",), name="B")])
    assert made.document is not None
    assert made.document["name"] == "B"
    assert "nickname" not in made.document
    assert made.document["updated_at"] == "2026-11-23T10:03:00.000Z"
    assert of(made.memory.provenance, "name") == ("client:admin", "edit")
    assert of(made.memory.provenance, "nickname") == ("client:admin", "edit")


def test_another_address() -> None:
    """The address and its verified state change together, and go together."""
    made = document(creation(), address("new@example.com", True))
    assert (made["email"], made["email_verified"]) == ("new@example.com", True)
    gone = document(creation(), address(None))
    assert not {"email", "email_verified"} & gone.keys()


def test_another_number() -> None:
    """A changed phone number is stored with its flag."""
    data = PhoneChangedData(connection="users", phone_number="+491", phone_verified=True)
    made = document(creation(), event(PhoneChanged, data))
    assert (made["phone_number"], made["phone_verified"]) == ("+491", True)
    none = PhoneChangedData(connection="users", phone_verified=False)
    gone = document(creation(), event(PhoneChanged, data), event(PhoneChanged, none))
    assert not {"phone_number", "phone_verified"} & gone.keys()


def test_another_password() -> None:
    """The hash is replaced, the document shows only when."""
    changed = event(PasswordChanged, PasswordChangedData(connection="users", password_hash="$new$"), 4)
    made = person([creation(password_hash="$old$"), changed])
    assert made.secrets["password_hash"] == "$new$"
    assert made.document is not None
    assert made.document["last_password_reset"] == "2026-11-23T10:04:00.000Z"


def with_secondary() -> Any:
    """A database user with a second identity of another database."""
    second = login(
        1, connection="old-users", strategy="auth0", provider="auth0", idp_id="2", is_social=False,
        attributes={"email": "old@example.com", "email_verified": True, "username": "old"},
    )  # fmt: skip
    return person([creation(password_hash="$first$"), second])


def test_an_edit_through_a_secondary_identitys_connection_is_of_that_identity() -> None:
    """Address, number, username and password change in its profile data and under its key; the root stays."""
    names = AttributesChangedData(changed=("username",), values={"username": "new"}, connection="old-users")
    phone = PhoneChangedData(connection="old-users", phone_number="+1", phone_verified=True)
    mail = EmailChangedData(connection="old-users", email="new@example.com", email_verified=False)
    secret = PasswordChangedData(connection="old-users", password_hash="$second$")
    before = with_secondary()
    edits = [event(AttributesChanged, names), event(PhoneChanged, phone), event(EmailChanged, mail)]
    made = person([*edits, event(PasswordChanged, secret)], before)
    assert before.document is not None
    assert made.document is not None
    main, other = made.document["identities"]
    assert other["profileData"] == {
        "email": "new@example.com", "email_verified": False, "username": "new",
        "phone_number": "+1", "phone_verified": True,
    }  # fmt: skip
    moved = ("identities", "updated_at", "last_password_reset")
    root = {name: value for name, value in made.document.items() if name not in moved}
    assert root == {name: value for name, value in before.document.items() if name not in moved}
    assert main == before.document["identities"][0]
    assert made.secrets["password_hash"] == "$first$"
    assert made.secrets["passwords"] == {"auth0|2": "$second$"}
    assert made.memory.provenance == before.memory.provenance


def test_an_edit_through_an_unlinked_connection_is_refused() -> None:
    """The identity was unlinked meanwhile."""
    late = event(EmailChanged, EmailChangedData(connection="gone", email="x@y.com", email_verified=True))
    before = with_secondary()
    after = person([late], before)
    assert (after.document, after.revision) == (before.document, before.revision)
    assert late.id in after.memory.refused


def test_a_merge_patch_goes_all_the_way_down() -> None:
    """RFC 7396: objects merge, null removes at any depth, an empty patch changes nothing."""
    start = creation(user_metadata={"a": {"b": 1, "c": {"d": 2}}, "e": [1]})
    patch = {"a": {"b": None, "c": {"f": 3}}, "e": {"g": None}}
    made = document(start, metadata(user_metadata=patch, merge="deep"))
    assert made["user_metadata"] == {"a": {"c": {"d": 2, "f": 3}}, "e": {}}
    kept = document(start, metadata(user_metadata={}, merge="deep"))
    assert kept["user_metadata"] == {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}


def test_a_block_is_shown_for_ever() -> None:
    """`blocked` is absent until it was said once, then true or false."""
    assert "blocked" not in document(creation())
    assert document(creation(), flag(UserBlocked))["blocked"] is True
    assert document(creation(), flag(UserBlocked), flag(UserUnblocked))["blocked"] is False


def test_deletion() -> None:
    """A deleted person has only what is set aside among the secrets, and what is done to it is refused."""
    made = person([login(tokens={"access_token": "t"}), flag(UserDeleted, 7)])
    assert (made.document, made.secrets.keys(), dict(made.memory.provenance)) == (None, {DELETED}, {})
    assert made.memory.deleted_at == "2026-11-23T10:07:00.000Z"
    late = edit(name="Ghost")
    after = person([late], made)
    assert (after.document, after.revision) == (None, made.revision)
    assert after.memory.refused == (late.id,)


@pytest.mark.parametrize("comeback", [login(minute=9), creation(minute=9)])
def test_coming_back(comeback: Any) -> None:
    """A deleted person who logs in or is created again has a new profile, and revisions continue."""
    gone = person([login(), login(), flag(UserDeleted)])
    made = person([comeback], gone)
    assert made.document is not None
    assert made.document["created_at"] == "2026-11-23T10:09:00.000Z"
    assert made.document.get("logins_count") in (1, None)
    assert made.revision == gone.revision + 1
    assert made.memory.deleted_at is None


def test_a_user_who_never_existed_is_not_edited() -> None:
    """An edit of an unknown person is refused and creates no profile."""
    made = person([edit(name="X")])
    assert (made.document, made.revision) == (None, 0)
    assert len(made.memory.refused) == 1


def test_a_command_is_refused_whole() -> None:
    """All events of a command share its fate: with a stale first one, the others have no effect either."""
    command = "0190a1b2-c3d4-7e5f-8a9b-00000000c0de"
    start = person([creation(), flag(UserBlocked)])
    first = flag(UserUnblocked, expected=1, causationid=command)
    rest = metadata(user_metadata={"a": 1}).model_copy(update={"causationid": command})
    made = person([first, rest], start)
    assert made.document == start.document
    assert made.memory.refused == (command,)
    taken = person(
        [first.model_copy(update={"data": first.data.model_copy(update={"expected_revision": 2})}), rest],
        start,
    )
    assert taken.revision == start.revision + 2


def test_refused_commands_are_forgotten_after_a_while() -> None:
    """The memory of refused commands has an end."""
    made = person([creation(), *(flag(UserBlocked, expected=99) for _ in range(40))])
    assert len(made.memory.refused) == 16


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (AttributesChangedData, {"changed": (), "removed": (), "values": {}}),
        (AttributesChangedData, {"changed": ("name",), "values": {}}),
        (AttributesChangedData, {"changed": (), "removed": ("name",), "values": {"name": "x"}}),
        (MetadataChangedData, {}),
    ],
)
def test_an_edit_that_changes_nothing_is_no_event(model: type[Any], given: dict[str, Any]) -> None:
    """Building one is an error, as is naming attributes without their values."""
    with pytest.raises(ValueError, match=r"changes nothing|exactly the changed"):
        model(**given)
