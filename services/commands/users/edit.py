"""Decides the events of an allowed edit of a user (fact sheet §4.3)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from projections.connection.fold import ConnectionState
from projections.profile.changes.edits import place_of, shown_of
from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    EmailChanged,
    EmailChangedData,
    MetadataChanged,
    MetadataChangedData,
    PasswordChanged,
    PasswordChangedData,
    PhoneChanged,
    PhoneChangedData,
    UserBlocked,
    UserFlagData,
    UserUnblocked,
)
from schemas.formats.exact_json import same
from services.commands.decision import Acceptance, Draft
from services.commands.users.edit_rules import ROOT
from services.commands.users.inputs import UserEdit
from services.commands.users.metadata import patch_changes
from services.commands.users.sources import kind_of
from services.ledger.reservations import Reservation

Document = Mapping[str, Any]
_ABSENT: Final = object()


def decide_edit(
    document: Document,
    connection: ConnectionState | None,
    edit: UserEdit,
    password_hash: str | None = None,
) -> Acceptance:
    """Return the events of an edit that no rule rejects, in a fixed order; what changes nothing is left out.

    `connection` is the one the edit names, otherwise the primary identity's, and `password_hash` is of the
    edit's password.
    """
    place = None if connection is None else place_of(document, connection.name)
    shown = shown_of(document, place or 0)
    found = [
        _email(shown, connection, edit),
        _phone(shown, connection, edit),
        _attributes(shown, connection, edit),
        _password(connection, password_hash),
        _block(document, edit),
        _metadata(document, edit),
    ]
    drafts = tuple(draft for draft in found if draft is not None)
    return Acceptance(drafts, _reservations(drafts, connection))


def target_connection(document: Document, edit: UserEdit) -> str:
    """Return the name of the connection whose identity is edited."""
    primary: str = document["identities"][0]["connection"]
    return edit.connection or primary


def _email(shown: Document, connection: ConnectionState | None, edit: UserEdit) -> Draft | None:
    if connection is None or not (edit.given("email") or edit.given("email_verified")):
        return None
    address = shown.get("email")
    if edit.given("email"):
        address = edit.get("email")
        if address is not None and kind_of(connection) == "store":
            address = address.lower()
    same = address == shown.get("email")
    verified = edit.get("email_verified")
    if verified is None:
        verified = same and shown.get("email_verified") is True
    if same and (verified == shown.get("email_verified", False) or address is None):
        return None
    data = EmailChangedData(
        connection=connection.name, email=address, email_verified=verified and address is not None
    )
    return Draft(EmailChanged, data)


def _phone(shown: Document, connection: ConnectionState | None, edit: UserEdit) -> Draft | None:
    if connection is None or not (edit.given("phone_number") or edit.given("phone_verified")):
        return None
    number = edit.get("phone_number") if edit.given("phone_number") else shown.get("phone_number")
    same = number == shown.get("phone_number")
    verified = edit.get("phone_verified")
    if verified is None:
        verified = same and shown.get("phone_verified") is True
    if same and (verified == shown.get("phone_verified", False) or number is None):
        return None
    data = PhoneChangedData(
        connection=connection.name, phone_number=number, phone_verified=verified and number is not None
    )
    return Draft(PhoneChanged, data)


def _attributes(shown: Document, connection: ConnectionState | None, edit: UserEdit) -> Draft | None:
    wanted: dict[str, Any] = {name: edit.get(name) for name in ROOT if edit.given(name)}
    if edit.given("username"):
        username = edit.get("username")
        wanted["username"] = None if username is None else username.lower()
    values = {
        name: value
        for name, value in wanted.items()
        if value is not None and not same(value, shown.get(name, _ABSENT))
    }
    removed = tuple(name for name, value in wanted.items() if value is None and name in shown)
    if not values and not removed:
        return None
    name = None if connection is None else connection.name
    return Draft(
        AttributesChanged,
        AttributesChangedData(changed=tuple(values), removed=removed, connection=name, values=values),
    )


def _password(connection: ConnectionState | None, password_hash: str | None) -> Draft | None:
    if connection is None or password_hash is None:
        return None
    return Draft(
        PasswordChanged, PasswordChangedData(connection=connection.name, password_hash=password_hash)
    )


def _block(document: Document, edit: UserEdit) -> Draft | None:
    wanted = edit.get("blocked")
    if wanted is None and edit.get("password") is not None and document.get("blocked") is True:
        wanted = False
    if wanted is None or same(wanted, document.get("blocked")):
        return None
    return Draft(UserBlocked if wanted else UserUnblocked, UserFlagData())


def _metadata(document: Document, edit: UserEdit) -> Draft | None:
    patches = {
        name: patch
        for name in ("user_metadata", "app_metadata")
        if (patch := edit.get(name)) is not None
        and patch_changes(name, document.get(name), patch, edit.merge)
    }
    return Draft(MetadataChanged, MetadataChangedData(merge=edit.merge, **patches)) if patches else None


_RESERVED: Final[Mapping[type[Any], Callable[[Any], dict[Any, Any]]]] = {
    EmailChanged: lambda data: {"email": data.email.lower()} if data.email is not None else {},
    PhoneChanged: lambda data: {"phone_number": data.phone_number} if data.phone_number is not None else {},
    AttributesChanged: lambda data: (
        {"username": data.values["username"]} if "username" in data.values else {}
    ),
}


def _reservations(drafts: tuple[Draft, ...], connection: ConnectionState | None) -> tuple[Reservation, ...]:
    if connection is None:
        return ()
    return tuple(
        Reservation(connection.name, kind, value, index)
        for index, draft in enumerate(drafts)
        if draft.event in _RESERVED
        for kind, value in _RESERVED[draft.event](draft.data).items()
    )
