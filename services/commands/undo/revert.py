"""Bringing back what a user was: the edits that give a user the attributes of an earlier time.

An edit cannot change every attribute at once, so there may be several. They are made by the ordinary command,
with all its rules: what may not be edited now is not brought back either.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.formats.exact_json import same
from services.commands.users.inputs import UserEdit

_PLAIN: Final = ("name", "nickname", "given_name", "family_name", "picture")
_ADDRESSES: Final = (("email", "email_verified"), ("phone_number", "phone_verified"))
_METADATA: Final = ("user_metadata", "app_metadata")
REVERTIBLE: Final = (
    *_PLAIN, *(name for pair in _ADDRESSES for name in pair), "username", "blocked", *_METADATA,
)  # fmt: skip
_ALONE: Final = "username"
"""Cannot be edited together with an address."""
Document = Mapping[str, Any]


class RevertedAttribute(NamedTuple):
    """What an attribute is now and what it becomes; None for one that is absent. Metadata is named by its
    first level, `app_metadata.plan`."""

    attribute: str
    now: Any
    then: Any


def is_revertible(attribute: str) -> bool:
    """Return whether an attribute of this name can be brought back: one that admins edit, or a key of
    metadata."""
    root, dot, key = attribute.partition(".")
    return attribute in REVERTIBLE or (root in _METADATA and bool(dot) and bool(key))


def changes_back(past: Document, present: Document, only: Collection[str] = ()) -> list[RevertedAttribute]:
    """Return the changes that give a user the attributes of the past, all or `only` these."""
    found = [
        RevertedAttribute(name, present.get(name), past.get(name))
        for name in REVERTIBLE
        if name not in _METADATA and not _equal(name, past.get(name), present.get(name))
    ]
    for root in _METADATA:
        before, after = past.get(root) or {}, present.get(root) or {}
        found += [
            RevertedAttribute(f"{root}.{key}", after.get(key), before.get(key))
            for key in sorted(before.keys() | after.keys())
            if not same(before.get(key), after.get(key))
        ]
    return [one for one in found if not only or _is_among(one.attribute, only)]


def edits_back(changes: Sequence[RevertedAttribute]) -> list[UserEdit]:
    """Return the edits that make these changes, in the order in which they are made."""
    values: dict[str, Any] = {}
    for attribute, _, then in changes:
        root, dot, key = attribute.partition(".")
        if dot:
            values.setdefault(root, {})[key] = then
        elif attribute == "blocked":
            values[attribute] = then is True
        else:
            values[attribute] = then
    for address, flag in _ADDRESSES:
        if address in values and values[address] is None:
            values.pop(flag, None)
    alone = {_ALONE: values.pop(_ALONE)} if _ALONE in values else {}
    return [UserEdit(part) for part in (values, alone) if part]


def _equal(name: str, past: Any, present: Any) -> bool:
    """A flag that is absent is a flag that is not set."""
    if name == "blocked" or name in {flag for _, flag in _ADDRESSES}:
        return (past is True) == (present is True)
    return same(past, present)


def _is_among(attribute: str, only: Collection[str]) -> bool:
    return attribute in only or attribute.partition(".")[0] in only
