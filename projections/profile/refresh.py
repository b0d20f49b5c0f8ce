"""What a login may write into a profile (spec §1.4, design D9)."""

from collections.abc import Mapping, Set
from typing import Any, Final, NamedTuple

from projections.profile.provenance import CONNECTION, DEFAULT, Provenance, of
from projections.profile.state import OWN_KEYS, ROOT_ATTRIBUTES
from schemas.events import RootPolicy
from schemas.exact_json import same

_FOLLOWS: Final = {"email_verified": "email", "phone_verified": "phone_number"}
"""A verified state speaks of an address: it goes with it when the address changes."""


class Refresh(NamedTuple):
    """What changes: values to set (with their claims) and root keys to drop."""

    values: Mapping[str, Any]
    claims: Mapping[str, str]
    dropped: Set[str]


def refresh(
    document: Mapping[str, Any],
    provenance: Provenance,
    policy: RootPolicy,
    attributes: Mapping[str, Any],
    extras: Mapping[str, Any],
    sources: Mapping[str, str],
    *,
    creating: bool,
) -> Refresh:
    """The changes a login of the primary identity brings to its profile.

    A value nobody gave (a default) never replaces one somebody gave; what a provider leaves out stays (Apple
    tells a name only once); leftovers are the provider's present ones.
    """
    values: dict[str, Any] = {}
    differing = [name for name, value in attributes.items() if _differs(document, name, value)]
    for name in sorted(differing, key=_FOLLOWS.__contains__):
        moved = _FOLLOWS.get(name) in values
        if moved or _may_write(name, document, provenance, policy, sources, creating):
            values[name] = attributes[name]
    values.update((name, value) for name, value in extras.items() if _differs(document, name, value))
    dropped = document.keys() - OWN_KEYS - extras.keys()
    return Refresh(values, {name: sources.get(name, name) for name in values}, dropped)


def _differs(document: Mapping[str, Any], name: str, value: Any) -> bool:
    return name not in document or not same(document[name], value)


def _may_write(
    name: str,
    document: Mapping[str, Any],
    provenance: Provenance,
    policy: RootPolicy,
    sources: Mapping[str, str],
    creating: bool,
) -> bool:
    if name in ROOT_ATTRIBUTES and (
        policy == "never_on_login" or (policy == "on_first_login" and not creating)
    ):
        return False
    if name not in document:
        return creating or not _edited(provenance, name, policy)
    given = of(provenance, name)
    if given is None:
        return True
    origin, claim = given
    if _weight(sources.get(name, name)) < _weight(claim):
        return False
    return policy != "unless_edited" or origin.startswith(CONNECTION)


def _weight(claim: str) -> int:
    """What somebody gave outweighs what was made of given and family name, which outweighs any other
    default."""
    if not claim.startswith(DEFAULT):
        return 2
    return 1 if claim.startswith((f"{DEFAULT}given_name", f"{DEFAULT}family_name")) else 0


def _edited(provenance: Provenance, name: str, policy: RootPolicy) -> bool:
    given = of(provenance, name)
    return policy == "unless_edited" and given is not None and not given[0].startswith(CONNECTION)
