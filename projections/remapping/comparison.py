"""What differs between two documents of a person."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projections.profile.state import Profile
from schemas.formats.exact_json import same


class NoValue:
    """The value of an attribute that a document does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = NoValue()


class ValueChange(NamedTuple):
    """The values of an attribute before and after; ABSENT where there is none."""

    before: Any
    after: Any


def changed_attributes(before: Profile, after: Profile) -> dict[str, ValueChange]:
    """Return the root attributes whose values differ, by name."""
    if before is after:
        return {}
    old: Mapping[str, Any] = before.document or {}
    new: Mapping[str, Any] = after.document or {}
    return {
        name: ValueChange(old.get(name, ABSENT), new.get(name, ABSENT))
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or not same(old[name], new[name])
    }


def origins_differ(before: Profile, after: Profile) -> bool:
    """Return whether the claims from which attributes were read differ."""
    return before is not after and not same(_origins(before), _origins(after))


def masked(value: Any) -> Any:
    """Return what may be shown of a value that is personal: its kind and size. Booleans are shown."""
    match value:
        case NoValue() | bool() | None:
            return value
        case str():
            return f"text of {len(value)} characters"
        case dict():
            return f"object of {len(value)} members"
        case list():
            return f"list of {len(value)} items"
    return "number"


def _origins(profile: Profile) -> dict[str, Any]:
    return {
        attribute: claim
        for group in profile.memory.provenance.values()
        for attribute, claim in group["claims"].items()
    }
