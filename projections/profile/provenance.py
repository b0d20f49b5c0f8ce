"""Where each attribute's value came from: event, time, connection or actor, raw claim.

Kept per event: `{event id: {"at": time, "by": origin, "claims": {attribute: claim}}}`; an attribute is listed
in exactly one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Provenance = Mapping[str, Mapping[str, Any]]

DEFAULT: Final = "default:"
"""Prefix of the claim of a value nobody gave, such as a nickname made of the e-mail's local part."""
CONNECTION: Final = "connection:"
"""Prefix of the origin of what a login brought."""


def credit(provenance: Provenance, event_id: str, at: str, by: str, claims: Mapping[str, str]) -> Provenance:
    """The provenance after an event gave these attributes (attribute -> claim)."""
    if not claims:
        return provenance
    kept = _without(provenance, claims)
    earlier = kept.get(event_id, {}).get("claims", {})
    kept[event_id] = {"at": at, "by": by, "claims": {**earlier, **claims}}
    return kept


def forget(provenance: Provenance, attributes: Iterable[str]) -> Provenance:
    """The provenance after these attributes were removed."""
    return _without(provenance, set(attributes))


def of(provenance: Provenance, attribute: str) -> tuple[str, str] | None:
    """(origin, claim) of an attribute, None when it was never given."""
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
