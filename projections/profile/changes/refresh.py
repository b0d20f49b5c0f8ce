"""Which attributes a login writes into a profile (spec §1.4, design D7 and D9).

The latest login by its own time decides an attribute, whichever arrives first. A default value never replaces
one that came from a claim or an edit. `email_verified` and `phone_verified` come from the login that gave the
address.
"""

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from projections.profile.provenance import CONNECTION, DEFAULT, Provenance
from projections.profile.state import ADDRESSES, FLAGS, OWN_KEYS, ROOT_ATTRIBUTES
from schemas.events import LoginSucceededData, RootPolicy
from schemas.formats.exact_json import same


class Refresh(NamedTuple):
    """The changes of a login: values to set, root keys to drop, and the claims of every attribute that the
    login determines, including unchanged ones."""

    values: Mapping[str, Any]
    claims: Mapping[str, str]
    dropped: Set[str]


class Standing(NamedTuple):
    """The position of a login among those of its profile.

    `mark` is its own mark. `newest` and `first` state that no other login of the primary identity is later or
    earlier. `displaced` is the event id of the login that was the first one until now and wrote root
    attributes as such; None if there is none.
    """

    mark: str
    newest: bool
    first: bool
    displaced: str | None


def refresh(
    document: Mapping[str, Any], provenance: Provenance, data: LoginSucceededData, standing: Standing
) -> Refresh:
    """Return the changes that a login of the primary identity brings to its profile.

    An attribute that the provider leaves out keeps its value (Apple sends the name only once); `extras` are
    those of the latest login.
    """
    attributes, sources = data.attributes, data.sources
    if standing.newest and (known := _as_before(provenance, data)):
        return Refresh(_differing(document, attributes, data.extras), known, _gone(document, data.extras))
    holders = {
        name: (group["by"], claim, f"{group['at']} {event_id}")
        for event_id, group in provenance.items()
        for name, claim in group["claims"].items()
    }
    dropped = {
        name for name in ROOT_ATTRIBUTES & holders.keys() if _is_displaced(name, holders[name], standing)
    }
    taken: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in ADDRESSES or not _decides(name, holders.get(name), data, standing):
            continue
        taken[name] = value
        flag = FLAGS.get(name)
        if flag is None:
            continue
        if flag in attributes:
            taken[flag] = attributes[flag]
        elif flag in document and (not same(document.get(name), value) or _by_login(holders.get(flag))):
            dropped.add(flag)
    if standing.newest:
        taken.update(data.extras)
        dropped |= _gone(document, data.extras)
    claims = {name: sources.get(name, name) for name in taken}
    return Refresh(_differing(document, taken, {}), claims, dropped - taken.keys())


_Holder = tuple[str, str, str]
"""Provenance of the current value: origin, claim, mark."""


def _as_before(provenance: Provenance, data: LoginSucceededData) -> Mapping[str, str] | None:
    """Return the claims of a login that equal those of the only earlier login, in which case the login
    determines every attribute; otherwise None. This is the most common case."""
    if len(provenance) != 1 or data.root_policy not in ("on_each_login", "unless_edited"):
        return None
    (group,) = provenance.values()
    sources = data.sources
    claims = {name: sources.get(name, name) for name in data.attributes}
    claims.update((name, sources.get(name, name)) for name in data.extras)
    return claims if group["claims"] == claims and group["by"].startswith(CONNECTION) else None


def _decides(name: str, holder: _Holder | None, data: LoginSucceededData, standing: Standing) -> bool:
    policy = data.root_policy
    if name in ROOT_ATTRIBUTES and not _may_write(policy, standing):
        return False
    if holder is None or _is_displaced(name, holder, standing):
        return True
    origin, claim, mark = holder
    if policy == "unless_edited" and not origin.startswith(CONNECTION):
        return False
    return (_weight(data.sources.get(name, name)), standing.mark) > (_weight(claim), mark)


def _may_write(policy: RootPolicy, standing: Standing) -> bool:
    return policy != "never_on_login" and (policy != "on_first_login" or standing.first)


def _is_displaced(name: str, holder: _Holder, standing: Standing) -> bool:
    return name in ROOT_ATTRIBUTES and standing.displaced == holder[2].partition(" ")[2]


def _differing(
    document: Mapping[str, Any], attributes: Mapping[str, Any], extras: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        name: value
        for given in (attributes, extras)
        for name, value in given.items()
        if name not in document or not same(document[name], value)
    }


def _gone(document: Mapping[str, Any], extras: Mapping[str, Any]) -> set[str]:
    return document.keys() - OWN_KEYS - extras.keys()


def _by_login(holder: _Holder | None) -> bool:
    return holder is None or holder[0].startswith(CONNECTION)


def _weight(claim: str) -> int:
    """Return the rank of a claim: claims and edits above defaults made of given and family name, above other
    defaults."""
    if not claim.startswith(DEFAULT):
        return 2
    return 1 if claim.startswith((f"{DEFAULT}given_name", f"{DEFAULT}family_name")) else 0
