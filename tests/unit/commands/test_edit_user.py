"""PATCH /users/{id} decided: which events an edit comes to, and that no change comes to none."""

from typing import Any

import pytest

from schemas.events import (
    AttributesChanged,
    EmailChanged,
    MetadataChanged,
    PasswordChanged,
    PhoneChanged,
    UserBlocked,
    UserUnblocked,
)
from services.commands.outcome import UNCHANGED, Accepted
from services.commands.users.edit import decide_edit
from services.ledger.reservations import Reservation
from services.management.users.models import UpdateUser
from tests.unit.management.factories import NAME, make_connection, make_document


def edit(
    document: Any = None,
    known: Any = None,
    password_hash: str | None = None,
    expected: int | None = None,
    **body: Any,
) -> Accepted:
    decision = decide_edit(
        document or make_document(),
        known or make_connection(),
        UpdateUser.model_validate(body),
        password_hash,
        expected,
    )
    assert isinstance(decision, Accepted), decision
    return decision


def only(accepted: Accepted, event: type[Any]) -> Any:
    (draft,) = accepted.drafts
    assert draft.event is event
    return draft.data


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Jane"},
        {"email": "JANE@example.com"},
        {"email_verified": True},
        {"email": "jane@example.com", "email_verified": True},
        {"given_name": None},
        {"user_metadata": {"a": {"b": 1}}},
        {"user_metadata": {"missing": None}},
        {"app_metadata": {"missing": None}},
        {"verify_email": True},
        {"client_id": "abc"},
        {"connection": NAME},
        {"blocked": True},
    ],
)
def test_an_edit_that_changes_nothing_is_no_event(body: dict[str, Any]) -> None:
    """What is there already, and requests for mails, leave the log alone."""
    document = make_document(user_metadata={"a": {"b": 1}}, blocked=True)
    assert edit(document, **body) == UNCHANGED


def test_root_attributes_travel_together() -> None:
    """Set and removed attributes are one event; untouched ones are not in it."""
    data = only(edit(name="New", nickname=None, family_name="F", given_name=None), AttributesChanged)
    assert (data.changed, data.removed) == (("name", "family_name"), ("nickname",))
    assert data.values == {"name": "New", "family_name": "F"}


def test_a_new_email_is_lower_cased_unverified_and_claimed() -> None:
    """A changed address loses its verified state unless the caller says otherwise."""
    accepted = edit(email="New@Example.com")
    data = only(accepted, EmailChanged)
    assert (data.email, data.email_verified) == ("new@example.com", False)
    assert accepted.claims == (Reservation(NAME, "email", "new@example.com"),)
    assert only(edit(email="New@Example.com", email_verified=True), EmailChanged).email_verified is True


def test_the_verified_state_can_change_alone() -> None:
    """Only email_verified: the same address with another state."""
    data = only(edit(email_verified=False), EmailChanged)
    assert (data.email, data.email_verified) == ("jane@example.com", False)


def test_a_social_users_email_can_be_verified_but_not_changed() -> None:
    """email_verified of a social user is an edit of its own."""
    document = make_document("google-oauth2", "google-oauth2", email_verified=False)
    data = only(
        edit(document, make_connection("google-oauth2", "google-oauth2"), email_verified=True), EmailChanged
    )
    assert data.email_verified is True


def test_a_phone_number_of_an_sms_user_changes_like_an_email() -> None:
    """A new number is unverified and claimed."""
    document = make_document(
        "sms", "sms", email=None, email_verified=None, phone_number="+1", phone_verified=True
    )
    accepted = edit(document, make_connection("sms", "sms"), phone_number="+2")
    data = only(accepted, PhoneChanged)
    assert (data.phone_number, data.phone_verified) == ("+2", False)
    assert accepted.claims == (Reservation("sms", "phone_number", "+2"),)


def test_a_password_also_clears_an_admin_block() -> None:
    """Setting a password through the API unblocks, unless the same request blocks."""
    blocked = make_document(blocked=True)
    events = [draft.event for draft in edit(blocked, password_hash="h", password="p").drafts]
    assert events == [PasswordChanged, UserUnblocked]
    events = [draft.event for draft in edit(blocked, password_hash="h", password="p", blocked=True).drafts]
    assert events == [PasswordChanged]


def test_blocking_is_a_fact_of_its_own() -> None:
    """true blocks; false unblocks, also where nobody was blocked: it is shown from then on."""
    only(edit(blocked=True), UserBlocked)
    only(edit(blocked=False), UserUnblocked)


def test_metadata_travels_as_the_patch_it_was() -> None:
    """null keys and wipes are for the fold to apply; an unchanged side is left out."""
    document = make_document(user_metadata={"a": 1, "b": 2}, app_metadata={"plan": "x"})
    data = only(edit(document, user_metadata={"a": None}, app_metadata={"plan": "x"}), MetadataChanged)
    assert (data.user_metadata, data.app_metadata) == ({"a": None}, None)
    data = only(edit(document, user_metadata={}, app_metadata={}), MetadataChanged)
    assert (data.user_metadata, data.app_metadata) == ({}, {})


def test_true_is_not_one() -> None:
    """A value of another JSON type is a change, though Python calls them equal."""
    document = make_document(user_metadata={"a": 1})
    assert only(edit(document, user_metadata={"a": True}), MetadataChanged).user_metadata == {"a": True}


def test_only_the_first_event_carries_the_expected_revision() -> None:
    """The fold refuses the rest of a command with its first event."""
    drafts = edit(expected=7, name="New", blocked=True, user_metadata={"a": 1}).drafts
    assert [getattr(draft.data, "expected_revision", None) for draft in drafts] == [7, None, None]


def test_a_username_is_lower_cased_and_claimed() -> None:
    """A changed username leaves name and nickname alone."""
    accepted = edit(
        make_document(username="old"), make_connection(options={"requires_username": True}), username="NEW"
    )
    assert only(accepted, AttributesChanged).values == {"username": "new"}
    assert accepted.claims == (Reservation(NAME, "username", "new"),)
