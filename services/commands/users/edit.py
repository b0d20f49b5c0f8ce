"""PATCH /users/{id}: the events that an allowed edit comes to (fact sheet §4.3)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from projections.connection.fold import Connection
from projections.profile.changes.edits import place_of, shown_of
from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    EmailChanged,
    EmailChangedData,
    MetadataChanged,
    MetadataChangedData,
    MetadataMerge,
    PasswordChanged,
    PasswordChangedData,
    PhoneChanged,
    PhoneChangedData,
    UserBlocked,
    UserFlagData,
    UserUnblocked,
)
from schemas.formats.exact_json import same
from services.commands.outcome import Accepted, Decision, Draft
from services.commands.users.edit_rules import ROOT, refuse_edit
from services.commands.users.metadata import patch_changes
from services.commands.users.sources import kind_of
from services.ledger.reservations import Reservation
from services.management.users.models import UpdateUser

Document = Mapping[str, Any]
_ABSENT: Final = object()


def decide_edit(
    document: Document,
    connection: Connection | None,
    body: UpdateUser,
    password_hash: str | None,
    expected_revision: int | None = None,
    merge: MetadataMerge = "first_level",
) -> Decision:
    """The edits of one PATCH in a fixed order; an edit that changes nothing is left out.

    `connection` is the one the body names, otherwise the primary identity's.
    """
    refusal = refuse_edit(document, connection, body)
    if refusal is not None:
        return refusal
    place = None if connection is None else place_of(document, connection.name)
    shown = shown_of(document, place or 0)
    found = [
        _email(shown, connection, body),
        _phone(shown, connection, body),
        _attributes(shown, connection, body),
        _password(connection, password_hash),
        _block(document, body),
        _metadata(document, body, merge),
    ]
    drafts = tuple(draft for draft in found if draft is not None)
    return Accepted(_expecting(drafts, expected_revision), _claims(drafts, connection))


def target_connection(document: Document, body: UpdateUser) -> str:
    """The name of the connection whose identity is edited."""
    primary: str = document["identities"][0]["connection"]
    return body.connection or primary


def _email(shown: Document, connection: Connection | None, body: UpdateUser) -> Draft | None:
    if connection is None or not (body.given("email") or body.given("email_verified")):
        return None
    address = shown.get("email")
    if body.given("email"):
        address = (
            body.email.lower() if body.email is not None and kind_of(connection) == "store" else body.email
        )
    same = address == shown.get("email")
    verified = body.email_verified
    if verified is None:
        verified = same and shown.get("email_verified") is True
    if same and (verified == shown.get("email_verified", False) or address is None):
        return None
    data = EmailChangedData(
        connection=connection.name, email=address, email_verified=verified and address is not None
    )
    return Draft(EmailChanged, data)


def _phone(shown: Document, connection: Connection | None, body: UpdateUser) -> Draft | None:
    if connection is None or not (body.given("phone_number") or body.given("phone_verified")):
        return None
    number = body.phone_number if body.given("phone_number") else shown.get("phone_number")
    same = number == shown.get("phone_number")
    verified = body.phone_verified
    if verified is None:
        verified = same and shown.get("phone_verified") is True
    if same and (verified == shown.get("phone_verified", False) or number is None):
        return None
    data = PhoneChangedData(
        connection=connection.name, phone_number=number, phone_verified=verified and number is not None
    )
    return Draft(PhoneChanged, data)


def _attributes(shown: Document, connection: Connection | None, body: UpdateUser) -> Draft | None:
    wanted: dict[str, Any] = {name: getattr(body, name) for name in ROOT if body.given(name)}
    if body.given("username"):
        wanted["username"] = None if body.username is None else body.username.lower()
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


def _password(connection: Connection | None, password_hash: str | None) -> Draft | None:
    if connection is None or password_hash is None:
        return None
    return Draft(
        PasswordChanged, PasswordChangedData(connection=connection.name, password_hash=password_hash)
    )


def _block(document: Document, body: UpdateUser) -> Draft | None:
    wanted = body.blocked
    if wanted is None and body.password is not None and document.get("blocked") is True:
        wanted = False
    if wanted is None or same(wanted, document.get("blocked")):
        return None
    return Draft(UserBlocked if wanted else UserUnblocked, UserFlagData())


def _metadata(document: Document, body: UpdateUser, merge: MetadataMerge) -> Draft | None:
    patches = {
        name: patch
        for name in ("user_metadata", "app_metadata")
        if (patch := getattr(body, name)) is not None
        and patch_changes(name, document.get(name), patch, merge)
    }
    return Draft(MetadataChanged, MetadataChangedData(merge=merge, **patches)) if patches else None


def _expecting(drafts: tuple[Draft, ...], revision: int | None) -> tuple[Draft, ...]:
    """The first event carries the condition; the fold refuses the rest of a command with it."""
    if revision is None or not drafts:
        return drafts
    first = drafts[0]
    return (Draft(first.event, first.data.model_copy(update={"expected_revision": revision})), *drafts[1:])


_CLAIMED: Final[Mapping[type[Any], Callable[[Any], dict[Any, Any]]]] = {
    EmailChanged: lambda data: {"email": data.email.lower()} if data.email is not None else {},
    PhoneChanged: lambda data: {"phone_number": data.phone_number} if data.phone_number is not None else {},
    AttributesChanged: lambda data: (
        {"username": data.values["username"]} if "username" in data.values else {}
    ),
}


def _claims(drafts: tuple[Draft, ...], connection: Connection | None) -> tuple[Reservation, ...]:
    if connection is None:
        return ()
    return tuple(
        Reservation(connection.name, kind, value, index)
        for index, draft in enumerate(drafts)
        if draft.event in _CLAIMED
        for kind, value in _CLAIMED[draft.event](draft.data).items()
    )
