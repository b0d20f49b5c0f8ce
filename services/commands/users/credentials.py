"""Rules for usernames and passwords of database connections."""

import re
from collections.abc import Mapping
from typing import Any, Final

from projections.connection.fold import ConnectionState
from schemas.formats.email import is_email
from services.commands.users.sources import options_of
from services.runtime.rejection import Rejection, invalid, invalid_body

USERNAME_PATTERN: Final = r"^[A-Za-z0-9@^$.!`\-#+'~_]+$"
TOO_WEAK: Final = invalid("PasswordStrengthError: Password is too weak")
_USERNAME: Final = re.compile(USERNAME_PATTERN)
_DEFAULT_LENGTHS: Final = (1, 15)
_LEAST_CHARACTERS: Final[Mapping[str, int]] = {"low": 6, "fair": 8, "good": 8, "excellent": 10}
_NAME: Final = "username"
_ABOUT: Final = "The user's username"


def username_rejection(connection: ConnectionState, username: str) -> Rejection | None:
    """Return the rejection of a username; None if the connection accepts it."""
    least, most = _lengths(connection)
    if len(username) < least:
        return invalid_body(f"String is too short ({len(username)} chars), minimum {least}", _NAME, _ABOUT)
    if len(username) > most:
        return invalid_body(f"String is too long ({len(username)} chars), maximum {most}", _NAME, _ABOUT)
    if not _USERNAME.match(username) or username.endswith("\n"):
        return invalid_body(f"String does not match pattern {USERNAME_PATTERN}: {username}", _NAME, _ABOUT)
    if is_email(username):
        return invalid_body(f"Object didn't pass validation for format username: {username}", _NAME, _ABOUT)
    return None


def password_rejection(connection: ConnectionState, password: str) -> Rejection | None:
    """Return the rejection of a password; None if it is long enough for the connection's policy."""
    return TOO_WEAK if len(password) < least_characters(connection) else None


def least_characters(connection: ConnectionState) -> int:
    """Return the minimum length of passwords in the connection."""
    options = options_of(connection)
    own = _number(_inner(options, "password_options", "complexity"), "min_length")
    if own is None:
        own = _number(_inner(options, "password_complexity_options"), "min_length")
    if own is not None:
        return own
    policy = options.get("passwordPolicy")
    return _LEAST_CHARACTERS.get(policy, 1) if isinstance(policy, str) else 1


def _lengths(connection: ConnectionState) -> tuple[int, int]:
    options = options_of(connection)
    limits = _inner(options, "validation", "username") or _inner(
        options, "attributes", "username", "validation"
    )
    least, most = _number(limits, "min"), _number(limits, "max")
    return least or _number(limits, "min_length") or _DEFAULT_LENGTHS[0], (
        most or _number(limits, "max_length") or _DEFAULT_LENGTHS[1]
    )


def _inner(options: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    value: Any = options
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _number(options: Mapping[str, Any], name: str) -> int | None:
    value = options.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
