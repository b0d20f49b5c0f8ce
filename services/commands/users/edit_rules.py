"""What a PATCH may not do, in the words clients know."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.connection.fold import Connection
from projections.profile.changes.edits import place_of, shown_of
from services.commands.users.create import NO_CONNECTION, NO_USERNAMES
from services.commands.users.credentials import refuse_password, refuse_username
from services.commands.users.sources import (
    identifies_by,
    is_disabled,
    keeps_edits,
    kind_of,
    never_stored,
)
from services.management.users.models import UpdateUser
from services.runtime.rejection import Rejection, invalid

ROOT: Final = ("name", "nickname", "given_name", "family_name", "picture")
OF_A_CONNECTION: Final = (
    *ROOT, "email", "email_verified", "phone_number", "phone_verified", "username", "password",
)  # fmt: skip
_NOT_TOGETHER: Final = (
    ("password", "email"),
    ("password", "email_verified"),
    ("username", "email"),
    ("username", "email_verified"),
    ("username", "password"),
)
NOT_SUPPORTED: Final = invalid("Connection is not supported for this operation.", "operation_not_supported")
NOT_THEIRS: Final = invalid("The specified connection does not belong to the user.")
NO_EMAIL_HERE: Final = invalid("Cannot update email for non-database user.")
NO_VERIFYING: Final = invalid("Email verification is not supported for enterprise users.")
DISABLED: Final = invalid("Cannot change email or password for users in a disabled connection.")
NO_ADDRESS: Final = invalid("The user does not have an email address.")
NO_NUMBER: Final = invalid("The user does not have a phone number.")
_EDITABLE: Final = (
    "The connection must either be a database connection (using the Auth0 store), a passwordless connection"
    " (email or sms) or has disabled 'Sync user profile attributes at each login'."
)
_REMOVABLE: Final = (
    "must either be a custom database connection with import mode disabled,"
    " a social or enterprise connection."
)
_REMOVABLE_UNSYNCED: Final = (
    "should have disabled 'Sync user profile attributes at each login' or defined these attributes in"
    " 'options.non_persistent_attrs' array."
)
Document = Mapping[str, Any]


def refuse_edit(document: Document, connection: Connection | None, body: UpdateUser) -> Rejection | None:
    """Why the edit cannot be made, None when it can."""
    for one, other in _NOT_TOGETHER:
        if body.given(one) and body.given(other):
            return invalid(f"Cannot update {one} and {other} simultaneously.")
    asked = [name for name in OF_A_CONNECTION if body.given(name)]
    if connection is None:
        return NO_CONNECTION if asked or body.connection is not None else None
    place = place_of(document, connection.name)
    if place is None:
        return NOT_THEIRS
    if not asked:
        return None
    if place > 0 and (root := [name for name in asked if name in ROOT]):
        return _of_a_secondary(root)
    if kind_of(connection) == "custom_database" and (set_here := _set(asked, body)):
        return _cannot_be_updated(set_here)
    shown = shown_of(document, place)
    rules = (_refuse_root, _refuse_email, _refuse_phone, _refuse_username, _refuse_password)
    return next(
        (rejection for rule in rules if (rejection := rule(shown, connection, body)) is not None), None
    )


def _of_a_secondary(names: Sequence[str]) -> Rejection:
    return invalid(
        f"The following user attributes cannot be updated: {', '.join(names)}."
        " The specified connection belongs to a secondary identity."
    )


def _set(asked: Sequence[str], body: UpdateUser) -> list[str]:
    return [name for name in asked if getattr(body, name) is not None]


def _cannot_be_updated(names: Sequence[str]) -> Rejection:
    return invalid(f"The following user attributes cannot be updated: {', '.join(names)}. {_EDITABLE}")


def _cannot_be_removed(names: Sequence[str], connection: Connection) -> Rejection:
    return invalid(
        f"The following user attributes cannot be removed: {', '.join(names)}."
        f" The connection ({connection.name}) {_REMOVABLE}"
    )


def _refuse_root(_shown: Document, connection: Connection, body: UpdateUser) -> Rejection | None:
    if keeps_edits(connection):
        return None
    asked = [name for name in ROOT if body.given(name)]
    if set_here := _set(asked, body):
        return _cannot_be_updated(set_here)
    kept = [name for name in asked if name not in never_stored(connection)]
    if not kept or kind_of(connection) == "custom_database":
        return None
    return invalid(
        f"The following user attributes cannot be removed: {', '.join(kept)}."
        f" The connection ({connection.name}) {_REMOVABLE_UNSYNCED}"
    )


def _refuse_email(shown: Document, connection: Connection, body: UpdateUser) -> Rejection | None:
    kind = kind_of(connection)
    if body.given("email"):
        if kind not in ("store", "email"):
            return NO_EMAIL_HERE
        if is_disabled(connection):
            return DISABLED
        if body.email is None and (kind == "email" or not shown.keys() & {"username", "phone_number"}):
            return _cannot_be_removed(["email"], connection)
    if body.given("email_verified"):
        if kind == "enterprise":
            return NO_VERIFYING
        if kind == "sms":
            return NOT_SUPPORTED
        if (body.email if body.given("email") else shown.get("email")) is None:
            return NO_ADDRESS
    return None


def _refuse_phone(shown: Document, connection: Connection, body: UpdateUser) -> Rejection | None:
    if not (body.given("phone_number") or body.given("phone_verified")):
        return None
    kind = kind_of(connection)
    if kind != "sms" and not (kind == "store" and identifies_by(connection, "phone_number")):
        return NOT_SUPPORTED
    if body.given("phone_number") and body.phone_number is None:
        if kind == "sms" or not shown.keys() & {"username", "email"}:
            return _cannot_be_removed(["phone_number"], connection)
        return None
    return NO_NUMBER if body.phone_number is None and "phone_number" not in shown else None


def _refuse_username(shown: Document, connection: Connection, body: UpdateUser) -> Rejection | None:
    if not body.given("username"):
        return None
    if kind_of(connection) != "store":
        return NOT_SUPPORTED
    if body.username is None:
        required = identifies_by(connection, "username") or not shown.keys() & {"email", "phone_number"}
        return _cannot_be_removed(["username"], connection) if required else None
    if not identifies_by(connection, "username"):
        return NO_USERNAMES
    return refuse_username(connection, body.username)


def _refuse_password(_shown: Document, connection: Connection, body: UpdateUser) -> Rejection | None:
    if not body.given("password"):
        return None
    if kind_of(connection) != "store":
        return NOT_SUPPORTED
    if is_disabled(connection):
        return DISABLED
    if body.password is None:
        return _cannot_be_removed(["password"], connection)
    return refuse_password(connection, body.password)
