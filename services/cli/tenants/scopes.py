"""The scopes that an API client may have."""

from typing import Final

import typer

ALL_DEMO: Final = "all-demo"

DEMO_SCOPES: Final = (
    "publish:logins",
    "check:logins",
    "read:users",
    "read:user_history",
    "create:users",
    "update:users",
    "update:users_app_metadata",
    "delete:users",
    "update:current_user_identities",
    "read:user_idp_tokens",
    "read:connections",
    "create:connections",
    "update:connections",
    "delete:connections",
    "read:attack_protection",
    "update:attack_protection",
    "read:anomaly_blocks",
    "delete:anomaly_blocks",
    "read:clients",
    "create:clients",
    "update:clients",
    "delete:clients",
    "read:client_keys",
    "update:client_keys",
    "read:client_grants",
    "create:client_grants",
    "update:client_grants",
    "delete:client_grants",
    "read:sessions",
    "update:sessions",
    "delete:sessions",
    "read:refresh_tokens",
    "update:refresh_tokens",
    "delete:refresh_tokens",
    "read:grants",
    "delete:grants",
    "read:device_credentials",
    "create:current_user_device_credentials",
    "delete:device_credentials",
    "read:authentication_methods",
    "create:authentication_methods",
    "update:authentication_methods",
    "delete:authentication_methods",
    "delete:guardian_enrollments",
    "read:events",
    "read:dead_letters",
    "update:dead_letters",
    "read:logs",
    "read:logs_users",
    "read:stats",
    "read:tenant_settings",
    "update:tenant_settings",
    "read:roles",
    "create:roles",
    "update:roles",
    "delete:roles",
    "read:role_members",
    "create:role_members",
    "delete:role_members",
    "read:user_effective_roles",
    "read:user_effective_permissions",
    "read:user_permission_source_roles",
    "read:resource_servers",
    "create:resource_servers",
    "update:resource_servers",
    "delete:resource_servers",
    "read:organizations",
    "create:organizations",
    "update:organizations",
    "delete:organizations",
    "read:organization_members",
    "create:organization_members",
    "delete:organization_members",
    "read:user_attribute_profiles",
    "create:user_attribute_profiles",
    "update:user_attribute_profiles",
    "delete:user_attribute_profiles",
)
"""Every scope that some part of Vita requires; `all-demo` stands for all of them."""


def expand_scopes(given: list[str]) -> tuple[str, ...]:
    """Split and expand the scopes, and return each once in the order given.

    Raises typer.BadParameter when a scope is malformed.
    """
    found: dict[str, None] = {}
    for text in given:
        for scope in text.replace(",", " ").split():
            found.update(dict.fromkeys(DEMO_SCOPES if scope == ALL_DEMO else (_checked(scope),)))
    return tuple(found)


def unknown_scopes(scopes: tuple[str, ...]) -> list[str]:
    """Return the scopes that no part of Vita requires."""
    return [scope for scope in scopes if scope not in DEMO_SCOPES]


def _checked(scope: str) -> str:
    verb, colon, noun = scope.partition(":")
    if not (colon and verb.isidentifier() and noun.isidentifier() and scope.isascii()):
        raise typer.BadParameter(
            f"{scope!r} is not a scope: expected a form like read:users", param_hint="--scope"
        )
    return scope
