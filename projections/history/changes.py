"""What changed between two profiles, attribute by attribute. Pure.

`document_changes` and `applied` are each other's inverse: the changes of all events, applied in their order
to nothing, give the document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from projections.profile.identities import identity_key
from projections.profile.state import Profile
from schemas.formats.exact_json import same


class Missing(Enum):
    """The attribute was not there, which is not the same as null."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
KEYED: Final = ("user_metadata", "app_metadata")
"""Attributes whose members change one by one."""
ASSOCIATED: Final = ("roles", "permissions", "organizations", "factors", "connected_accounts")
"""What a profile has that its document does not show."""
_SECRETS: Final = {"password_hash": "password", "passwords": "password"}
Place = Literal["document", "associations", "secrets"]


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """An attribute before and after an event; MISSING where it was or is not there.

    With a `key` it is one member of the attribute: a key of metadata, an identity as `provider|user_id`, the
    id of a role. Values of secrets are never given: `hidden` says that there are some.
    """

    attribute: str
    before: Any = MISSING
    after: Any = MISSING
    key: str | None = None
    place: Place = "document"
    hidden: bool = False

    def shown(self) -> dict[str, Any]:
        """Return the change as JSON values; `before` or `after` is left out when the attribute was or is not
        there."""
        found: dict[str, Any] = {"attribute": self.attribute}
        if self.key is not None:
            found["key"] = self.key
        if self.hidden:
            return {**found, "hidden": True}
        values = {"before": self.before, "after": self.after}
        return found | {name: value for name, value in values.items() if value is not MISSING}


def changes_between(before: Profile, after: Profile) -> list[AttributeChange]:
    """Return what an event changed in a profile: in its document, in what the document does not show, and
    which secrets."""
    if before is after:
        return []
    return [
        *document_changes(before.document, after.document),
        *_associated(before.associations, after.associations),
        *_secret(before.secrets, after.secrets),
    ]


def document_changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[AttributeChange]:
    """Return the changes from one document to another, in the order of the attributes; None is no
    document."""
    if before is after:
        return []
    old, new = before or {}, after or {}
    found: list[AttributeChange] = []
    for name in dict.fromkeys((*old, *new)):
        was, is_now = old.get(name, MISSING), new.get(name, MISSING)
        if was is is_now or _is_same(was, is_now):
            continue
        found.extend(_members(name, was, is_now))
    return found


def applied(document: Mapping[str, Any], changes: Iterable[AttributeChange]) -> dict[str, Any]:
    """Return a document after the changes that concern documents."""
    found = dict(document)
    for change in changes:
        if change.place != "document":
            continue
        value = change.after if change.key is None else _with_member(found.get(change.attribute), change)
        if value is MISSING:
            found.pop(change.attribute, None)
        else:
            found[change.attribute] = value
    return found


def _members(name: str, was: Any, is_now: Any) -> list[AttributeChange]:
    """Return the change of an attribute member by member where that says all, otherwise as a whole."""
    whole = [AttributeChange(name, was, is_now)]
    if was is MISSING or is_now is MISSING:
        return whole
    if name in KEYED and isinstance(was, Mapping) and isinstance(is_now, Mapping):
        return _by_key(name, was, is_now, "document")
    if name == "identities":
        old, new = _by_identity(was), _by_identity(is_now)
        if len(old) == len(was) and len(new) == len(is_now):
            found = _by_key(name, old, new, "document")
            if _is_same(applied({name: was}, found)[name], is_now):
                return found
    return whole


def _by_key(name: str, old: Mapping[str, Any], new: Mapping[str, Any], place: Place) -> list[AttributeChange]:
    return [
        AttributeChange(name, old.get(key, MISSING), new.get(key, MISSING), key, place)
        for key in dict.fromkeys((*old, *new))
        if not _is_same(old.get(key, MISSING), new.get(key, MISSING))
    ]


def _with_member(value: Any, change: AttributeChange) -> Any:
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if name != change.key or change.after is not MISSING}
        return kept if change.after is MISSING else {**kept, str(change.key): change.after}
    entries: Sequence[Mapping[str, Any]] = value
    if change.before is MISSING:
        return [*entries, change.after]
    replaced = ((one, _key_of(one) == change.key) for one in entries)
    return [change.after if hit else one for one, hit in replaced if not hit or change.after is not MISSING]


def _by_identity(identities: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {_key_of(identity): identity for identity in identities}


def _key_of(identity: Mapping[str, Any]) -> str:
    return identity_key(identity["provider"], identity["user_id"])


def _associated(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[AttributeChange]:
    if before is after:
        return []
    return [
        change
        for name in ASSOCIATED
        for change in _by_key(name, _by_id(before.get(name)), _by_id(after.get(name)), "associations")
    ]


def _by_id(value: Any) -> Mapping[str, Any]:
    """Return associations of one kind by their ids."""
    if not value:
        return {}
    if isinstance(value, Mapping):
        return value
    return {str(one["id"]): one for one in value}


def _secret(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[AttributeChange]:
    if before is after:
        return []
    changed = {attribute for name, attribute in _SECRETS.items() if before.get(name) != after.get(name)}
    return [AttributeChange(name, place="secrets", hidden=True) for name in sorted(changed)]


def _is_same(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return same(one, other)
