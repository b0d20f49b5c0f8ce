"""Rules for edits of users, with Auth0's error texts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.connection.fold import ConnectionState
from projections.profile.changes.edits import place_of, shown_of
from services.commands.user_rejections import NOT_THEIRS
from services.commands.users.create import NO_CONNECTION, NO_USERNAMES
from services.commands.users.credentials import password_rejection, username_rejection
from services.commands.users.inputs import UserEdit
from services.commands.users.sources import (
    identifies_by,
    is_disabled,
    keeps_edits,
    kind_of,
    never_stored,
)
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


def edit_rejection(
    document: Document, connection: ConnectionState | None, edit: UserEdit
) -> Rejection | None:
    """Return why the edit is not allowed; None if it is."""
    for one, other in _NOT_TOGETHER:
        if edit.given(one) and edit.given(other):
            return invalid(f"Cannot update {one} and {other} simultaneously.")
    asked = [name for name in OF_A_CONNECTION if edit.given(name)]
    if connection is None:
        return NO_CONNECTION if asked or edit.connection is not None else None
    place = place_of(document, connection.name)
    if place is None:
        return NOT_THEIRS
    if not asked:
        return None
    if place > 0 and (root := [name for name in asked if name in ROOT]):
        return _of_a_secondary(root)
    if kind_of(connection) == "custom_database" and (set_here := _set(asked, edit)):
        return _cannot_be_updated(set_here)
    shown = shown_of(document, place)
    rules = (_root_rejection, _email_rejection, _phone_rejection, _username_rejection, _password_rejection)
    return next(
        (rejection for rule in rules if (rejection := rule(shown, connection, edit)) is not None), None
    )


def _of_a_secondary(names: Sequence[str]) -> Rejection:
    return invalid(
        f"The following user attributes cannot be updated: {', '.join(names)}."
        " The specified connection belongs to a secondary identity."
    )


def _set(asked: Sequence[str], edit: UserEdit) -> list[str]:
    return [name for name in asked if edit.get(name) is not None]


def _cannot_be_updated(names: Sequence[str]) -> Rejection:
    return invalid(f"The following user attributes cannot be updated: {', '.join(names)}. {_EDITABLE}")


def _cannot_be_removed(names: Sequence[str], connection: ConnectionState) -> Rejection:
    return invalid(
        f"The following user attributes cannot be removed: {', '.join(names)}."
        f" The connection ({connection.name}) {_REMOVABLE}"
    )


def _root_rejection(_shown: Document, connection: ConnectionState, edit: UserEdit) -> Rejection | None:
    if keeps_edits(connection):
        return None
    asked = [name for name in ROOT if edit.given(name)]
    if set_here := _set(asked, edit):
        return _cannot_be_updated(set_here)
    kept = [name for name in asked if name not in never_stored(connection)]
    if not kept or kind_of(connection) == "custom_database":
        return None
    return invalid(
        f"The following user attributes cannot be removed: {', '.join(kept)}."
        f" The connection ({connection.name}) {_REMOVABLE_UNSYNCED}"
    )


def _email_rejection(shown: Document, connection: ConnectionState, edit: UserEdit) -> Rejection | None:
    kind = kind_of(connection)
    if edit.given("email"):
        if kind not in ("store", "email"):
            return NO_EMAIL_HERE
        if is_disabled(connection):
            return DISABLED
        if edit.get("email") is None and (kind == "email" or not shown.keys() & {"username", "phone_number"}):
            return _cannot_be_removed(["email"], connection)
    if edit.given("email_verified"):
        if kind == "enterprise":
            return NO_VERIFYING
        if kind == "sms":
            return NOT_SUPPORTED
        if (edit.get("email") if edit.given("email") else shown.get("email")) is None:
            return NO_ADDRESS
    return None


def _phone_rejection(shown: Document, connection: ConnectionState, edit: UserEdit) -> Rejection | None:
    if not (edit.given("phone_number") or edit.given("phone_verified")):
        return None
    kind = kind_of(connection)
    if kind != "sms" and not (kind == "store" and identifies_by(connection, "phone_number")):
        return NOT_SUPPORTED
    if edit.given("phone_number") and edit.get("phone_number") is None:
        if kind == "sms" or not shown.keys() & {"username", "email"}:
            return _cannot_be_removed(["phone_number"], connection)
        return None
    return NO_NUMBER if edit.get("phone_number") is None and "phone_number" not in shown else None


def _username_rejection(shown: Document, connection: ConnectionState, edit: UserEdit) -> Rejection | None:
    if not edit.given("username"):
        return None
    if kind_of(connection) != "store":
        return NOT_SUPPORTED
    if edit.get("username") is None:
        required = identifies_by(connection, "username") or not shown.keys() & {"email", "phone_number"}
        return _cannot_be_removed(["username"], connection) if required else None
    if not identifies_by(connection, "username"):
        return NO_USERNAMES
    return username_rejection(connection, edit.get("username"))


def _password_rejection(_shown: Document, connection: ConnectionState, edit: UserEdit) -> Rejection | None:
    if not edit.given("password"):
        return None
    if kind_of(connection) != "store":
        return NOT_SUPPORTED
    if is_disabled(connection):
        return DISABLED
    if edit.get("password") is None:
        return _cannot_be_removed(["password"], connection)
    return password_rejection(connection, edit.get("password"))
