"""The provenance of each attribute's value: event, time, connection or actor, raw claim.

It is stored per event: `{event id: {"at": time, "by": origin, "claims": {attribute: claim}}}`. Each attribute
is listed under exactly one event.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Provenance = Mapping[str, Mapping[str, Any]]

DEFAULT: Final = "default:"
"""Prefix of the claim of a default value, such as a nickname made from the local part of the e-mail
address."""
CONNECTION: Final = "connection:"
"""Prefix of the origin of values from logins."""


def credit(provenance: Provenance, event_id: str, at: str, by: str, claims: Mapping[str, str]) -> Provenance:
    """Return the provenance after an event set these attributes (attribute -> claim)."""
    if not claims:
        return provenance
    kept = _without(provenance, claims)
    earlier = kept.get(event_id, {}).get("claims", {})
    kept[event_id] = {"at": at, "by": by, "claims": {**earlier, **claims}}
    return kept


def forget(provenance: Provenance, attributes: Iterable[str]) -> Provenance:
    """Return the provenance without these attributes."""
    return _without(provenance, set(attributes))


def of(provenance: Provenance, attribute: str) -> tuple[str, str] | None:
    """Return (origin, claim) of an attribute; None if it has no value."""
    for group in provenance.values():
        claim = group["claims"].get(attribute)
        if claim is not None:
            return group["by"], claim
    return None


def _without(provenance: Provenance, attributes: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    gone = set(attributes)
    kept: dict[str, Mapping[str, Any]] = {}
    for event_id, group in provenance.items():
        claims = group["claims"]
        if gone.isdisjoint(claims):
            kept[event_id] = group
        elif left := {name: claim for name, claim in claims.items() if name not in gone}:
            kept[event_id] = {**group, "claims": left}
    return kept
