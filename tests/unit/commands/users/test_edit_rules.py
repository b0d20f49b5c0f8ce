"""What a PATCH may not do, by where the identity comes from."""

from typing import Any

import pytest

from services.commands.users.edit_rules import edit_rejection
from services.management.users.models import UpdateUser
from services.management.users.write_users import edit_of
from tests.samples.stored_documents import make_connection, make_document

GOOGLE = make_connection("google-oauth2", "google-oauth2")
GOOGLE_ONCE = make_connection(
    "google-oauth2", "google-oauth2", options={"set_user_root_attributes": "on_first_login"}
)
SAML = make_connection("samlp", "samlp")
FOREIGN = make_connection(options={"enabledDatabaseCustomization": True, "import_mode": False})
IMPORTING = make_connection(options={"enabledDatabaseCustomization": True, "import_mode": True})
EDITABLE = (
    "The connection must either be a database connection (using the Auth0 store), a passwordless connection"
    " (email or sms) or has disabled 'Sync user profile attributes at each login'."
)


def refuse(known: Any = None, document: Any = None, **body: Any) -> str | None:
    known = known or make_connection()
    user = document or make_document(known.name, known.strategy)
    refusal = edit_rejection(user, known, edit_of(UpdateUser.model_validate(body)))
    if refusal is None:
        return None
    assert refusal.kind == "invalid"
    return refusal.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("password", "email"),
        ("password", "email_verified"),
        ("username", "email"),
        ("username", "email_verified"),
        ("username", "password"),
    ],
)
def test_some_attributes_do_not_change_together(one: str, other: str) -> None:
    """The documented pairs are refused by name."""
    values = {"password": "p", "email": "a@b.co", "email_verified": True, "username": "u"}
    assert (
        refuse(**{name: values[name] for name in (one, other)})
        == f"Cannot update {one} and {other} simultaneously."
    )


@pytest.mark.parametrize(
    "connection", [GOOGLE, SAML, FOREIGN], ids=["social", "enterprise", "custom database"]
)
def test_attributes_that_each_login_brings_cannot_be_edited(connection: Any) -> None:
    """The refusal lists exactly the attributes in the request."""
    message = refuse(connection, name="x", family_name="y")
    assert message == f"The following user attributes cannot be updated: name, family_name. {EDITABLE}"


@pytest.mark.parametrize(
    "connection",
    [
        make_connection(),
        IMPORTING,
        GOOGLE_ONCE,
        make_connection("email", "email"),
        make_connection("sms", "sms"),
    ],
    ids=["store", "importing", "first login only", "email", "sms"],
)
def test_attributes_that_stay_can_be_edited_and_removed(connection: Any) -> None:
    """Stores kept here, passwordless, and connections that write only at the first login."""
    assert refuse(connection, name="x", picture="https://x.example/p.png") is None
    assert refuse(connection, given_name=None, nickname=None) is None


def test_synced_attributes_are_only_removed_when_they_are_never_stored() -> None:
    """`non_persistent_attrs` makes the removal lasting."""
    message = refuse(GOOGLE, nickname=None)
    assert message is not None
    assert message.startswith(
        "The following user attributes cannot be removed: nickname. The connection (google-oauth2) should"
        " have disabled 'Sync user profile attributes at each login' or defined these attributes in"
        " 'options.non_persistent_attrs' array."
    )
    never = make_connection("google-oauth2", "google-oauth2", options={"non_persistent_attrs": ["nickname"]})
    assert refuse(never, nickname=None) is None


@pytest.mark.parametrize("connection", [GOOGLE, SAML, GOOGLE_ONCE])
def test_an_email_only_changes_where_it_is_kept(connection: Any) -> None:
    """Social and enterprise addresses are the provider's."""
    assert refuse(connection, email="a@b.co") == "Cannot update email for non-database user."


def test_only_some_users_can_be_verified() -> None:
    """Enterprise and sms users cannot, nor a user without an address."""
    assert refuse(SAML, email_verified=True) == "Email verification is not supported for enterprise users."
    sms = make_connection("sms", "sms")
    assert refuse(sms, email_verified=True) == "Connection is not supported for this operation."
    assert (
        refuse(document=make_document(email=None), email_verified=True)
        == "The user does not have an email address."
    )


def test_a_disabled_connection_keeps_emails_and_passwords() -> None:
    """Other attributes still change."""
    disabled = make_connection(authentication={"active": False})
    text = "Cannot change email or password for users in a disabled connection."
    assert refuse(disabled, email="a@b.co") == text
    assert refuse(disabled, password="p") == text
    assert refuse(disabled, name="x") is None


def test_passwords_and_usernames_belong_to_databases() -> None:
    """And usernames only to those that require one."""
    assert refuse(GOOGLE, password="p") == "Connection is not supported for this operation."
    assert refuse(GOOGLE, username="u") == "Connection is not supported for this operation."
    assert refuse(username="u") == "Cannot set username for connection without requires_username."
    assert refuse(password="p") is None


def test_the_last_identifier_cannot_be_removed() -> None:
    """An address, number or username by which a user is known stays; a second one may go."""
    assert refuse(email=None) is not None
    named = make_connection(options={"requires_username": True})
    assert refuse(named, make_document(username="u"), email=None) is None
    assert refuse(named, make_document(username="u"), username=None) is not None
    assert refuse(password=None) is not None


def test_the_connection_named_must_be_one_of_the_users() -> None:
    """Unknown connections, connections of other users and secondary identities get different errors."""
    body = UpdateUser(connection="nope", name="x")
    refusal = edit_rejection(make_document(), None, edit_of(body))
    assert refusal is not None
    assert refusal.message == "Connection does not exist."
    assert refuse(GOOGLE, make_document(), connection="google-oauth2", email_verified=True) == (
        "The specified connection does not belong to the user."
    )
    linked = make_document()
    linked["identities"].append({"connection": "google-oauth2", "user_id": 2, "provider": "google-oauth2"})
    assert refuse(GOOGLE, linked, connection="google-oauth2", name="x") == (
        "The following user attributes cannot be updated: name."
        " The specified connection belongs to a secondary identity."
    )


def test_metadata_and_blocks_need_no_connection() -> None:
    """They change also when the connection is gone or keeps its users elsewhere."""
    body = UpdateUser(user_metadata={"a": 1}, app_metadata={"b": 2}, blocked=True)
    assert edit_rejection(make_document(), None, edit_of(body)) is None
    assert edit_rejection(make_document(), FOREIGN, edit_of(body)) is None


PHONES = make_connection(options={"attributes": {"email": {}, "phone_number": {}, "username": {}}})


def test_a_number_changes_only_where_users_are_known_by_it() -> None:
    """Passwordless by text, or a database that identifies by numbers."""
    unsupported = "Connection is not supported for this operation."
    assert refuse(phone_number="+1") == refuse(phone_verified=True) == unsupported
    assert refuse(make_connection("email", "email"), phone_number="+1") == unsupported
    assert refuse(PHONES, phone_number="+1") is None
    assert refuse(make_connection("sms", "sms"), phone_number="+1") is None


def test_a_number_that_is_the_last_identifier_stays() -> None:
    """Always for a passwordless user; a database's user may be known otherwise."""
    texts = make_document("sms", "sms", phone_number="+1")
    assert refuse(make_connection("sms", "sms"), texts, phone_number=None) is not None
    assert refuse(PHONES, make_document(phone_number="+1"), phone_number=None) is None
    named = make_document(phone_number="+1", email=None, username="u")
    assert refuse(PHONES, named, phone_number=None) is None
    assert refuse(PHONES, make_document(phone_number="+1", email=None), phone_number=None) is not None


def test_no_number_is_verified_that_is_not_there() -> None:
    """One that comes with it is."""
    assert refuse(PHONES, phone_verified=True) == "The user does not have a phone number."
    assert refuse(PHONES, make_document(phone_number="+1"), phone_verified=True) is None
    assert refuse(PHONES, phone_number="+1", phone_verified=True) is None


def test_an_address_that_is_the_last_identifier_stays() -> None:
    """The address of a passwordless user can never be removed."""
    mails = make_connection("email", "email")
    named = make_document("email", "email", username="u")
    assert refuse(mails, named, email=None) is not None
    assert refuse(PHONES, make_document(phone_number="+1"), email=None) is None
    assert refuse(mails, email="a@b.co") is None


def test_an_address_that_goes_is_not_verified() -> None:
    """One that comes is, whatever was there."""
    known = make_document(username="u")
    gone = refuse(PHONES, known, email=None, email_verified=True)
    assert gone == "The user does not have an email address."
    assert (
        refuse(PHONES, make_document(email=None, username="u"), email="a@b.co", email_verified=True) is None
    )


def test_a_username_stays_where_it_is_required_or_the_last_identifier() -> None:
    """A username can be removed only if the user has another identifier and the connection requires none."""
    assert refuse(PHONES, make_document(username="u"), username=None) is not None
    mails = make_connection(options={"attributes": {"email": {}}})
    assert refuse(mails, make_document(username="u"), username=None) is None
    assert refuse(mails, make_document(username="u", email=None), username=None) is not None
    assert refuse(mails, make_document(username="u", email=None, phone_number="+1"), username=None) is None
    assert refuse(PHONES, username="jane") is None
    assert refuse(PHONES, username="x" * 16) is not None


def test_a_custom_database_rejects_values() -> None:
    """Values are refused; what was never stored goes."""
    message = refuse(FOREIGN, email="a@b.co", name=None)
    assert message == f"The following user attributes cannot be updated: email. {EDITABLE}"
    assert refuse(FOREIGN, name=None) is None


def test_a_secondary_identity_keeps_its_root_attributes() -> None:
    """Its address may change where it is kept here."""
    linked = make_document()
    linked["identities"].append({"connection": "second", "user_id": "2", "provider": "auth0"})
    second = make_connection(name="second")
    assert refuse(second, linked, connection="second", email="a@b.co") is None
    assert refuse(second, linked, connection="second", nickname="n") is not None
    assert refuse(document=linked, name="x") is None
    assert refuse(second, linked, connection="second") is None


def test_a_connection_that_is_gone() -> None:
    """A deleted connection is an error only if the edit needs it or names it."""
    assert edit_rejection(make_document(), None, edit_of(UpdateUser(blocked=True))) is None
    named = edit_rejection(make_document(), None, edit_of(UpdateUser(connection="x", blocked=True)))
    asked = edit_rejection(make_document(), None, edit_of(UpdateUser(name="x")))
    assert named is asked
    assert named is not None
