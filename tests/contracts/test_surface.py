"""The users domain of the Management API (fact sheet §0.5, §17, §18): every operation is there."""

from typing import Final

import pytest

from services.management.app import OPERATIONS

SURFACE: Final = """
GET POST /users
GET PATCH DELETE /users/{id}
GET /users-by-email
POST /users/{id}/identities
DELETE /users/{id}/identities/{provider}/{user_id}
GET /users/{id}/identities/history
GET /users/{id}/logs
GET POST DELETE /users/{id}/roles
GET POST DELETE /users/{id}/permissions
GET /users/{id}/organizations
GET /users/{id}/enrollments
DELETE /users/{id}/multifactor/{provider}
POST /users/{id}/multifactor/actions/invalidate-remember-browser
POST /users/{id}/recovery-code-regeneration
GET POST PUT DELETE /users/{id}/authentication-methods
GET PATCH DELETE /users/{id}/authentication-methods/{authentication_method_id}
DELETE /users/{id}/authenticators
GET DELETE /users/{id}/sessions
GET DELETE /users/{id}/refresh-tokens
POST /users/{id}/revoke-access
GET /users/{id}/connected-accounts
GET /users/{id}/effective-roles
GET /users/{id}/effective-permissions
GET /users/{id}/effective-permissions/sources/effective-roles
POST /users/{id}/risk-assessments/clear
GET DELETE /user-blocks
GET DELETE /user-blocks/{id}
GET DELETE /anomaly/blocks/ips/{ip}
GET PATCH /attack-protection/brute-force-protection
GET PATCH /attack-protection/suspicious-ip-throttling
GET PATCH /attack-protection/breached-password-detection
GET /logs
GET /logs/{id}
GET /stats/active-users
GET /stats/daily
GET POST /roles
GET PATCH DELETE /roles/{id}
GET POST /roles/{id}/users
GET POST DELETE /roles/{id}/permissions
GET POST /resource-servers
GET PATCH DELETE /resource-servers/{id}
GET POST /organizations
GET PATCH DELETE /organizations/{id}
GET POST DELETE /organizations/{id}/members
GET POST /connections
GET PATCH DELETE /connections/{id}
DELETE /connections/{id}/users
GET POST /device-credentials
DELETE /device-credentials/{id}
GET DELETE /grants
DELETE /grants/{id}
GET DELETE /sessions/{id}
GET DELETE /refresh-tokens/{id}
GET POST /user-attribute-profiles
GET /user-attribute-profiles/templates
GET /user-attribute-profiles/templates/{id}
GET PATCH DELETE /user-attribute-profiles/{id}
GET POST /clients
GET PATCH DELETE /clients/{id}
POST /clients/{id}/rotate-secret
GET POST /client-grants
PATCH DELETE /client-grants/{id}
"""
"""Methods and path of each; names of path parameters are ours."""


def shape(method: str, path: str) -> tuple[str, str]:
    """An operation whatever its path parameters are called."""
    parts = ["{}" if part.startswith("{") else part for part in path.split("/")]
    return method, "/".join(parts)


BUILT: Final = {shape(operation.method, operation.path) for operation in OPERATIONS}
ASKED: Final = [
    (method, line.split()[-1]) for line in SURFACE.split("\n") if line for method in line.split()[:-1]
]


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_the_operation_is_there(method: str, path: str) -> None:
    """A client finds what it knows."""
    assert shape(method, f"/api/v2{path}") in BUILT


def test_literal_paths_come_before_parameters() -> None:
    """No operation is shadowed by one with a parameter in its place."""
    seen: list[tuple[str, list[str]]] = []
    for operation in OPERATIONS:
        parts = operation.path.split("/")
        for method, earlier in seen:
            hides = method == operation.method and len(earlier) == len(parts) and earlier != parts
            assert not (
                hides and all(a == b or a.startswith("{") for a, b in zip(earlier, parts, strict=True))
            ), (earlier, parts)
        seen.append((operation.method, parts))
