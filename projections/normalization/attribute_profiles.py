"""Applies a user attribute profile as if it were a connection's own mapping.

A connection names its profile in `options.user_attribute_profile_id`. Each attribute of the profile is
read from the claims that it names for the connection's strategy, otherwise from those for its protocol,
and sets the root attribute in `auth0_mapping`. An attribute without such claims is read as the strategy
reads it. The connection's own mapping takes precedence.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from projections.normalization.model import ConnectionSettings

OPTION: Final = "user_attribute_profile_id"
_SAML: Final = frozenset(("samlp", "adfs", "ad", "pingfederate", "sharepoint"))
"""Strategies whose claims come in SAML assertions. All others use OpenID Connect or a similar protocol."""


def profile_of(options: Mapping[str, Any]) -> str | None:
    """Return the id of the profile that a connection names, or None."""
    named = options.get(OPTION)
    return named if isinstance(named, str) and "\x00" not in named else None


def with_profile(connection: ConnectionSettings, profile: Mapping[str, Any]) -> ConnectionSettings:
    """Return the connection with the profile merged into its own mapping."""
    options = connection.options
    fields, own_map = _object(options.get("fieldsMap")), _object(options.get("attribute_map"))
    templates = _object(own_map.get("attributes"))
    claims = {
        key: found
        for key, entry in _entries(profile)
        if key not in fields and key not in templates and (found := _claims(entry, connection.strategy))
    }
    filled = {key: found for key, found in claims.items() if isinstance(found, str) and "${" in found}
    named = {key: found for key, found in claims.items() if key not in filled}
    changed: dict[str, Any] = {**options, "fieldsMap": {**named, **fields}}
    if filled:
        changed["attribute_map"] = {**own_map, "attributes": {**filled, **templates}}
    return replace(connection, options=changed)


def _entries(profile: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    attributes = _object(profile.get("user_attributes")).values()
    found = [(entry["auth0_mapping"], entry) for entry in attributes]
    return [("user_id", _object(profile.get("user_id"))), *found]


def _claims(entry: Mapping[str, Any], strategy: str) -> str | list[str] | None:
    """Return the claim names or the template of an attribute; those for the strategy take precedence."""
    protocol = "saml_mapping" if strategy in _SAML else "oidc_mapping"
    override = _object(_object(entry.get("strategy_overrides")).get(strategy))
    found: Any = override.get(protocol) or entry.get(protocol)
    return found.get("mapping") if isinstance(found, dict) else found


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
