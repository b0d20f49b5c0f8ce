"""Who an entry is about: the person as the logs name somebody."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projections.applied import Applied

_NAMES: Final = ("email", "username", "phone_number", "name", "nickname")
_TYPES: Final[Mapping[str, str]] = {"auth0": "database", "email": "passwordless", "sms": "passwordless"}


class Who(NamedTuple):
    """The columns about a person; all None for nobody known."""

    user_id: str | None = None
    user_name: str | None = None
    connection: str | None = None
    strategy: str | None = None
    strategy_type: str | None = None


_UNKNOWN: Final = Who()


def who(applied: Applied) -> Who:
    """The person after the event; before it where there is nobody any more."""
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
    """The person's document after the event, else the one before."""
    after, before = applied.after, applied.before
    if after is not None and after.document is not None:
        return after.document
    return None if before is None else before.document


def user_name(document: Mapping[str, Any]) -> str | None:
    """What somebody is called in the logs: the address, or the next best."""
    for name in _NAMES:
        value = document.get(name)
        if value and isinstance(value, str):
            return value
    return None


def strategy_type(strategy: str, is_social: bool | None) -> str | None:
    """`database`, `passwordless`, `social` or `enterprise`; None where it is not known which."""
    found = _TYPES.get(strategy)
    if found is not None or is_social is None:
        return found
    return "social" if is_social else "enterprise"
