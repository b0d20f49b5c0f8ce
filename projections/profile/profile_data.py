"""What an identity brings along as its `profileData` (spec §17): what somebody supplied, no defaults."""

from collections.abc import Mapping
from typing import Any, Final

from projections.profile.provenance import DEFAULT, Provenance, of
from projections.profile.state import OWN_KEYS, ROOT_ATTRIBUTES
from schemas.exact_json import same

ATTRIBUTES: Final = ROOT_ATTRIBUTES | {
    "email",
    "email_verified",
    "username",
    "phone_number",
    "phone_verified",
}
_FOLLOWS: Final = {"email_verified": "email", "phone_verified": "phone_number"}


def supplied(document: Mapping[str, Any], provenance: Provenance) -> dict[str, Any]:
    """The profile data of a person's primary identity."""
    return {
        name: value
        for name, value in document.items()
        if (name in ATTRIBUTES or name not in OWN_KEYS) and not _is_default(of(provenance, name))
    }


def refreshed(
    before: Mapping[str, Any],
    attributes: Mapping[str, Any],
    extras: Mapping[str, Any],
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """The profile data of a linked identity after its login: attributes left out stay, extras are the present
    ones."""
    given = {
        name: value for name, value in attributes.items() if not sources.get(name, name).startswith(DEFAULT)
    }
    kept = {
        name: value
        for name, value in before.items()
        if name in ATTRIBUTES and not _is_of_another(name, before, given)
    }
    return {**kept, **given, **extras}


def _is_default(given: tuple[str, str] | None) -> bool:
    return given is not None and given[1].startswith(DEFAULT)


def _is_of_another(name: str, before: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """A verified state goes with the address it speaks of."""
    address = _FOLLOWS.get(name)
    return address is not None and address in given and not same(given[address], before.get(address))
