"""The decision of PATCH /users/{id}: the events of an edit, and none for an edit that changes nothing."""

from dataclasses import replace
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
from services.commands.decision import UNCHANGED, Acceptance
from services.commands.execute import conditional
from services.commands.users.edit import decide_edit, target_connection
from services.commands.users.edit_rules import edit_rejection
from services.commands.users.inputs import UserEdit
from services.ledger.reservations import Reservation
from services.management.users.models import UpdateUser
from services.management.users.write_users import edit_of
from tests.samples.stored_documents import NAME, make_connection, make_document


def edit(
    document: Any = None,
    known: Any = None,
    password_hash: str | None = None,
    expected: int | None = None,
    **body: Any,
) -> Acceptance:
    user, connection = document or make_document(), known or make_connection()
    wanted = edit_of(UpdateUser.model_validate(body))
    assert edit_rejection(user, connection, wanted) is None
    decision = decide_edit(user, connection, wanted, password_hash)
    return replace(decision, drafts=conditional(decision.drafts, expected))


def only(accepted: Acceptance, event: type[Any]) -> Any:
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
    assert accepted.reservations == (Reservation(NAME, "email", "new@example.com"),)
    assert only(edit(email="New@Example.com", email_verified=True), EmailChanged).email_verified is True


def test_the_verified_state_can_change_alone() -> None:
    """With email_verified only, the event has the unchanged address and the new state."""
    data = only(edit(email_verified=False), EmailChanged)
    assert (data.email, data.email_verified) == ("jane@example.com", False)


def test_a_social_users_email_can_be_verified_but_not_changed() -> None:
    """email_verified of a social user can be edited separately."""
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
    assert accepted.reservations == (Reservation("sms", "phone_number", "+2"),)


def test_a_password_also_clears_an_admin_block() -> None:
    """Setting a password through the API unblocks, unless the request also blocks."""
    blocked = make_document(blocked=True)
    events = [draft.event for draft in edit(blocked, password_hash="h", password="p").drafts]
    assert events == [PasswordChanged, UserUnblocked]
    events = [draft.event for draft in edit(blocked, password_hash="h", password="p", blocked=True).drafts]
    assert events == [PasswordChanged]


def test_blocking_is_a_fact_of_its_own() -> None:
    """true blocks; false unblocks, also a user who is not blocked, and is shown from then on."""
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
    assert accepted.reservations == (Reservation(NAME, "username", "new"),)


def test_an_address_that_stays_keeps_its_state() -> None:
    """In another spelling too; one that goes takes it along, and nothing is verified without an address."""
    unverified = make_document(email_verified=False, username="jane")
    assert edit(unverified, email="Jane@example.com") == UNCHANGED
    gone = only(edit(make_document(username="jane"), email=None), EmailChanged)
    assert (gone.email, gone.email_verified) == (None, False)
    assert edit(make_document(username="jane"), email=None).reservations == ()
    nobody = make_document(email=None, email_verified=None, username="jane")
    assert edit(nobody, email=None) == UNCHANGED
    kept = only(edit(make_document(), email="jane@example.com", email_verified=False), EmailChanged)
    assert (kept.email, kept.email_verified) == ("jane@example.com", False)


def test_a_number_that_stays_keeps_its_state() -> None:
    """One that goes takes it along; its verified state can change alone."""
    phone = make_connection(options={"attributes": {"phone_number": {}, "email": {}}})
    document = make_document(phone_number="+1", phone_verified=True)
    assert edit(document, phone, phone_number="+1") == UNCHANGED
    gone = edit(document, phone, phone_number=None)
    assert (only(gone, PhoneChanged).phone_number, only(gone, PhoneChanged).phone_verified) == (None, False)
    assert gone.reservations == ()
    alone = only(edit(document, phone, phone_verified=False), PhoneChanged)
    assert (alone.phone_number, alone.phone_verified) == ("+1", False)
    both = only(edit(document, phone, phone_number="+2", phone_verified=True), PhoneChanged)
    assert (both.phone_number, both.phone_verified) == ("+2", True)
    assert edit(make_document(), phone, phone_number=None) == UNCHANGED


def test_a_passwordless_users_email_stays_as_it_was_spelled() -> None:
    """Only a database keeps addresses in lower case; what is claimed is."""
    document = make_document("email", "email")
    accepted = edit(document, make_connection("email", "email"), email="New@Example.com")
    assert only(accepted, EmailChanged).email == "New@Example.com"
    assert accepted.reservations == (Reservation("email", "email", "new@example.com"),)


def test_a_user_without_a_connection_is_only_blocked_and_described() -> None:
    """Whose connection was deleted keeps attributes."""
    decision = decide_edit(make_document(), None, UserEdit({"user_metadata": {"a": 1}}))
    assert [draft.event for draft in decision.drafts] == [MetadataChanged]
    assert decision.reservations == ()


def test_a_claim_names_the_event_that_makes_it() -> None:
    """A reservation names its event by the index among the events of the command."""
    document = make_document(username="old")
    requires = make_connection(options={"requires_username": True})
    accepted = edit(document, requires, username="new", blocked=True)
    assert [(claim.kind, claim.value) for claim in accepted.reservations] == [("username", "new")]
    phone = make_connection(options={"attributes": {"phone_number": {}, "email": {}}})
    both = edit(make_document(phone_number="+1"), phone, email="a@b.co", phone_number="+2")
    assert [draft.event for draft in both.drafts] == [EmailChanged, PhoneChanged]
    assert [claim.kind for claim in both.reservations] == ["email", "phone_number"]
    assert [claim.draft for claim in both.reservations] == [0, 1]


def test_the_primary_identitys_connection_is_edited_unless_another_is_named() -> None:
    """The primary identity is the first one of the document."""
    document = make_document()
    document["identities"].append({"connection": "second", "provider": "auth0", "user_id": "2"})
    assert target_connection(document, UserEdit({})) == NAME
    assert target_connection(document, UserEdit({}, "second")) == "second"


def test_a_password_leaves_somebody_unblocked_as_they_are() -> None:
    """Nothing is said of a block that is not there."""
    for document in (make_document(), make_document(blocked=False)):
        events = [draft.event for draft in edit(document, password_hash="h", password="p").drafts]
        assert events == [PasswordChanged]
