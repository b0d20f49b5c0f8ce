"""Decides the settings of new and changed API clients. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

_MACHINE: Final = "client_credentials"
_LOGINS: Final = ("authorization_code", "implicit", "refresh_token")
_GRANT_TYPES: Final[Mapping[str | None, tuple[str, ...]]] = {
    "non_interactive": (_MACHINE,),
    "native": _LOGINS,
    "spa": _LOGINS,
    "resource_server": (),
}
"""The default grant types of a client, by its type; None for all other types."""
_PUBLIC: Final = ("native", "spa")
_DEFAULTS: Final[Mapping[str, Any]] = {
    "is_first_party": True,
    "oidc_conformant": True,
    "sso_disabled": False,
    "cross_origin_authentication": False,
    "custom_login_page_on": True,
    "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": False},
}


_WITH_CREDENTIALS: Final = ("signed_request_object", "token_vault_privileged_access")


def new_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a new client: the given ones, and defaults for the others."""
    app_type = given.get("app_type")
    method = "none" if app_type in _PUBLIC else "client_secret_post"
    derived = {
        "grant_types": list(_GRANT_TYPES.get(app_type, (*_LOGINS, _MACHINE))),
        "token_endpoint_auth_method": method,
    }
    return {**_DEFAULTS, **derived, **given}


def changed_settings(current: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings after a change: given settings are replaced, metadata key by key."""
    metadata = {**current.get("client_metadata", {}), **given.get("client_metadata", {})}
    kept = {name: value for name, value in metadata.items() if value is not None}
    return {**current, **given, **({"client_metadata": kept} if metadata else {})}


def with_credential_ids(settings: Mapping[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    """Return the settings with an id for each public key or certificate that has none."""

    def identified(holder: Any) -> Any:
        if not isinstance(holder, Mapping) or not isinstance(holder.get("credentials"), list):
            return holder
        credentials = [
            {"id": new_id(), **one} if isinstance(one, Mapping) else one for one in holder["credentials"]
        ]
        return {**holder, "credentials": credentials}

    found = {name: identified(settings[name]) for name in _WITH_CREDENTIALS if name in settings}
    methods = settings.get("client_authentication_methods")
    if isinstance(methods, Mapping):
        methods = {name: identified(method) for name, method in methods.items()}
        found["client_authentication_methods"] = methods
    return {**settings, **found}


def has_secret(settings: Mapping[str, Any]) -> bool:
    """Whether the client authenticates with a secret."""
    return settings.get("token_endpoint_auth_method") != "none"


def may_ask_for_itself(settings: Mapping[str, Any]) -> bool:
    """Whether the client may use the grant `client_credentials`, which is the only one of a client without
    settings."""
    return _MACHINE in settings.get("grant_types", (_MACHINE,))
