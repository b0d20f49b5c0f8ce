"""Claims that an event keeps, so that the login can be mapped again: no secrets, and nothing that the
connection's `non_persistent_attrs` names."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from projections.normalization.claims.views import Claims, View
from schemas.sealing.secret_names import hides

KEEP_CLAIMS: Final = "keep_claims"
"""The connection option that is False if the events of its logins keep no claims."""


def keeps_claims(options: Mapping[str, Any]) -> bool:
    """Return whether a connection with these options keeps the claims of its logins."""
    return options.get(KEEP_CLAIMS) is not False


def without_secrets(claims: Claims) -> dict[str, Any]:
    """Return the claims without the members, at any depth, whose names say that they are secrets."""
    return {
        name: _without_secrets(value) if value.__class__ in _CONTAINERS else value
        for name, value in claims.items()
        if not hides(name, value)
    }


def without_denied(claims: Claims, denied: Collection[str], view: View) -> Claims:
    """Return the claims without those that have a denied name, at the root or as the view shows them (a
    member of a wrapper that it opens, the last segment of a claim URI)."""
    kept: Claims = {name: value for name, value in claims.items() if name not in denied}
    while True:
        own, raw = (reading := view.read(kept)).own, reading.raw
        shown = [raw.get(name, name) for name in reading.claims if own.get(name, name) in denied]
        fewer = kept
        for path in shown:
            fewer = _without_path(fewer, path)
        if fewer == kept:
            return kept
        kept = fewer


_CONTAINERS: Final = (dict, list)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return without_secrets(value)
    return [_without_secrets(item) if item.__class__ in _CONTAINERS else item for item in value]


def _without_path(value: Any, path: str) -> Any:
    """Return a copy without the member at a path as a view spells it. A name may contain a dot: all members
    that the path can mean are left out."""
    if isinstance(value, dict):
        return {
            name: _without_path(member, path[len(name) :].removeprefix("."))
            if path.startswith((f"{name}.", f"{name}["))
            else member
            for name, member in value.items()
            if name != path
        }
    if isinstance(value, list) and value and path.startswith("[0]."):
        return [_without_path(value[0], path.removeprefix("[0].")), *value[1:]]
    return value
