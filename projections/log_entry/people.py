"""The columns of a log entry about a person."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projections.applied import Applied

_NAMES: Final = ("email", "username", "phone_number", "name", "nickname")
_TYPES: Final[Mapping[str, str]] = {"auth0": "database", "email": "passwordless", "sms": "passwordless"}


class Who(NamedTuple):
    """The columns about a person; all None for an unknown person."""

    user_id: str | None = None
    user_name: str | None = None
    connection: str | None = None
    strategy: str | None = None
    strategy_type: str | None = None


_UNKNOWN: Final = Who()


def who(applied: Applied) -> Who:
    """Return the columns of the person after the event, or before it if the person was deleted."""
    document = document_of(applied)
    if document is None:
        return _UNKNOWN
    first = document["identities"][0]
    strategy = first["provider"]
    return Who(
        document["user_id"],
        user_name(document),
        first["connection"],
        strategy,
        strategy_type(strategy, first["isSocial"]),
    )


def document_of(applied: Applied) -> Mapping[str, Any] | None:
    """Return the person's document after the event, or before it if there is none after; None if there is
    neither."""
    after, before = applied.after, applied.before
    if after is not None and after.document is not None:
        return after.document
    return None if before is None else before.document


def user_name(document: Mapping[str, Any]) -> str | None:
    """Return the person's name in the logs: the email address, otherwise another identifier or name."""
    for name in _NAMES:
        value = document.get(name)
        if value and isinstance(value, str):
            return value
    return None


def strategy_type(strategy: str, is_social: bool | None) -> str | None:
    """Return `database`, `passwordless`, `social` or `enterprise`; None if it is unknown."""
    found = _TYPES.get(strategy)
    if found is not None or is_social is None:
        return found
    return "social" if is_social else "enterprise"
