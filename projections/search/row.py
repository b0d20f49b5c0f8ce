"""Converts a user document to the rows that searches read. Pure; the database parses the times."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from projections.search.value import INDEXED_CHARACTERS, folded
from schemas.formats import exact_json
from schemas.formats.spelling import composed

_MOVED: Final = frozenset(("updated_at", "last_login", "last_ip", "logins_count"))
_TEXTS: Final = (
    "email", "username", "phone_number", "name", "nickname", "given_name", "family_name",
)  # fmt: skip
_FLAGS: Final = ("email_verified", "phone_verified", "blocked")
_READ: Final = ("user_id", "created_at", "identities", *_TEXTS, *_FLAGS)


class SearchRow(NamedTuple):
    """A row of `search`, in column order after tenant and subject; arrays are PostgreSQL literals.
    `unsearchable` names the root fields with values that cannot be compared, so that searches for existence
    find them."""

    user_id: str
    created_at: str
    email: str | None
    email_folded: str | None
    email_domain: str | None
    email_verified: bool | None
    username: str | None
    phone_number: str | None
    phone_verified: bool | None
    name_folded: str | None
    nickname_folded: str | None
    given_name_folded: str | None
    family_name_folded: str | None
    blocked: bool | None
    connections: str
    unsearchable: str


class ActivityRow(NamedTuple):
    """One row of `activity`, in column order after tenant and subject."""

    updated_at: str
    last_login: str | None
    last_ip: str | None
    logins_count: int | None


def search_row(document: Mapping[str, Any]) -> SearchRow:
    """Return the search row of a user."""
    email = _text(document.get("email"))
    return SearchRow(
        user_id=document["user_id"],
        created_at=document["created_at"],
        email=email,
        email_folded=_folded(email),
        email_domain=None if email is None else folded(email.rpartition("@")[2]),
        email_verified=_flag(document.get("email_verified")),
        username=_text(document.get("username")),
        phone_number=_text(document.get("phone_number")),
        phone_verified=_flag(document.get("phone_verified")),
        name_folded=_folded(document.get("name")),
        nickname_folded=_folded(document.get("nickname")),
        given_name_folded=_folded(document.get("given_name")),
        family_name_folded=_folded(document.get("family_name")),
        blocked=_flag(document.get("blocked")),
        connections=_array(identity["connection"] for identity in document["identities"]),
        unsearchable=_array(_unsearchable(document)),
    )


def same_row(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two documents of a person have equal search rows. May return False for documents with equal
    rows."""
    return all(exact_json.same(before.get(name), after.get(name)) for name in _READ)


def same_search(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two documents of a person have equal search rows and leaves, so that only the activity
    differs."""
    return before.keys() - _MOVED == after.keys() - _MOVED and all(
        name in _MOVED or exact_json.same(value, after.get(name)) for name, value in before.items()
    )


def activity_row(document: Mapping[str, Any]) -> ActivityRow:
    """Return the row of values that change with logins."""
    return ActivityRow(
        document["updated_at"],
        document.get("last_login"),
        document.get("last_ip"),
        document.get("logins_count"),
    )


def _unsearchable(document: Mapping[str, Any]) -> list[str]:
    """Return the names of fields whose column is empty although they have a value; null, [] and {} are not
    values."""
    texts = [name for name in _TEXTS if _text(document.get(name)) is None]
    flags = [name for name in _FLAGS if _flag(document.get(name)) is None]
    return [name for name in (*texts, *flags) if document.get(name) not in (None, [], {})]


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = composed(value)
    return text if len(text) <= INDEXED_CHARACTERS else None


def _folded(value: object) -> str | None:
    text = _text(value)
    return None if text is None else folded(text)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _array(values: Iterable[str]) -> str:
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"
