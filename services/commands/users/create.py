"""POST /users: a person of a database or passwordless connection (fact sheet §1.2, §4.1)."""

from collections.abc import Mapping
from typing import Any, Final

from projections.connection.fold import ConnectionState
from projections.normalization.defaults import (
    GRAVATAR,
    Pictures,
    default_name,
    default_nickname,
    default_picture,
)
from schemas.events import UserCreated, UserCreatedData
from services.commands.decision import Acceptance, Draft
from services.commands.users.credentials import password_rejection, username_rejection
from services.commands.users.inputs import NewUser
from services.commands.users.sources import (
    Kind,
    identifies_by,
    is_disabled,
    kind_of,
    requires_username,
)
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejection, invalid, invalid_body

NO_CONNECTION: Final = invalid("Connection does not exist.", "inexistent_connection")
NOT_CREATABLE: Final = invalid(
    "Connection does not support user creation through the API."
    " It must either be a database or passwordless connection.",
    "operation_not_supported",
)
DISABLED: Final = invalid("Connection is disabled.")
NO_USERNAMES: Final = invalid("Cannot set username for connection without requires_username.")
NO_PHONE_NUMBERS: Final = invalid("Cannot set phone_number for connection without it as an attribute.")
_PLAIN: Final = ("given_name", "family_name", "name", "nickname", "picture")


def decide_create(
    connection: ConnectionState,
    user: NewUser,
    password_hash: str | None,
    idp_id: str,
    pictures: Pictures = GRAVATAR,
) -> Acceptance:
    """Return the event that creates a user whom no rule rejects, with this id and every default decided.

    `password_hash` is of the user's password, `pictures` the tenant's choice.
    """
    attributes, sources = _attributes(connection, user, idp_id, pictures)
    data = UserCreatedData(
        connection=connection.name,
        strategy=connection.strategy,
        blocked=user.blocked,
        provider=connection.strategy,
        idp_id=idp_id,
        attributes=attributes,
        sources=sources,
        user_metadata=_without_nulls(user.user_metadata),
        app_metadata=_without_nulls(user.app_metadata),
        password_hash=password_hash,
    )
    return Acceptance((Draft(UserCreated, data),), _reservations(connection, user, attributes, idp_id))


def create_rejection(connection: ConnectionState | None, user: NewUser) -> Rejection | None:
    """Return why this user cannot be created; None if it can."""
    if connection is None:
        return NO_CONNECTION
    kind = kind_of(connection)
    if kind in ("social", "enterprise", "custom_database"):
        return NOT_CREATABLE
    if is_disabled(connection):
        return DISABLED
    return _database_rejection(connection, user) if kind == "store" else _passwordless_rejection(kind, user)


def _database_rejection(connection: ConnectionState, user: NewUser) -> Rejection | None:
    if user.username is not None and not identifies_by(connection, "username"):
        return NO_USERNAMES
    if user.phone_number is not None and not identifies_by(connection, "phone_number"):
        return NO_PHONE_NUMBERS
    if user.username is None and requires_username(connection):
        return _missing("username")
    if user.email is None and not _known_otherwise(connection, user):
        return _missing("email")
    if user.password is None:
        return _missing("password")
    rejection = username_rejection(connection, user.username) if user.username is not None else None
    return rejection or password_rejection(connection, user.password)


def _known_otherwise(connection: ConnectionState, user: NewUser) -> bool:
    return (user.username is not None and identifies_by(connection, "username")) or (
        user.phone_number is not None and identifies_by(connection, "phone_number")
    )


def _passwordless_rejection(kind: Kind, user: NewUser) -> Rejection | None:
    if user.username is not None:
        return NO_USERNAMES
    if user.password is not None:
        return invalid_body("Additional properties not allowed: password")
    if kind == "email":
        if user.phone_number is not None:
            return NO_PHONE_NUMBERS
        return _missing("email") if user.email is None else None
    return _missing("phone_number") if user.phone_number is None else None


def _missing(name: str) -> Rejection:
    return invalid_body(f"Missing required property: {name}")


def _attributes(
    connection: ConnectionState, user: NewUser, idp_id: str, pictures: Pictures
) -> tuple[dict[str, Any], dict[str, str]]:
    attributes: dict[str, Any] = {}
    if user.email is not None:
        attributes["email"] = user.email.lower() if kind_of(connection) == "store" else user.email
        attributes["email_verified"] = user.email_verified is True
    if user.phone_number is not None:
        attributes["phone_number"] = user.phone_number
        attributes["phone_verified"] = user.phone_verified is True
    if user.username is not None:
        attributes["username"] = user.username.lower()
    attributes.update((name, value) for name in _PLAIN if (value := getattr(user, name)) is not None)
    return _with_defaults(attributes, connection.strategy, idp_id, pictures)


def _with_defaults(
    attributes: Mapping[str, Any], provider: str, idp_id: str, pictures: Pictures
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the attributes with defaults for name, nickname and picture; given and family name do not
    determine the name here."""
    known = {name: value for name, value in attributes.items() if name not in ("given_name", "family_name")}
    made_up = {
        "name": default_name(known, None, idp_id),
        "nickname": default_nickname(known, None, idp_id),
        "picture": default_picture(known, provider, pictures),
    }
    missing = {
        name: default for name, default in made_up.items() if name not in attributes and default is not None
    }
    values = {name: value for name, (value, _) in missing.items()}
    return {**attributes, **values}, {
        name: f"default:{made_from}" for name, (_, made_from) in missing.items()
    }


def _reservations(
    connection: ConnectionState, user: NewUser, attributes: Mapping[str, Any], idp_id: str
) -> tuple[Reservation, ...]:
    found = []
    if user.email is not None:
        found.append(Reservation(connection.name, "email", user.email.lower()))
    if user.username is not None:
        found.append(Reservation(connection.name, "username", attributes["username"]))
    if user.phone_number is not None:
        found.append(Reservation(connection.name, "phone_number", user.phone_number))
    if user.user_id:
        found.append(Reservation(connection.name, "user_id", idp_id))
    return tuple(found)


def _without_nulls(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None if metadata is None else {name: value for name, value in metadata.items() if value is not None}
    )
