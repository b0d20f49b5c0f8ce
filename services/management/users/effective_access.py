"""Effective roles and permissions of a user, with their sources."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.user_rejections import NO_SUCH_USER
from services.management.http import paging
from services.management.http.models.paging import listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.roles import access
from services.management.roles.models import Effective, EffectivePermissions, PermissionSources
from services.management.roles.present import present_role
from services.management.roles.results import EffectivePermission, EffectiveRole
from services.management.users.user_access import associations
from services.queries.permissions import NO_SUCH_API, ApiPermission, role_of, with_sources
from services.runtime.rejection import Rejected


async def list_effective_roles(call: Call) -> Response:
    """Return a page of the user's roles, sorted by name. Vita has no user groups, so every role is direct."""
    roles = await access.roles(call, (await associations(call)).get("roles", {}))
    return _roles_answer(call, roles)


async def list_effective_permissions(call: Call) -> Response:
    """Return a page of the user's permissions at one API, direct or through roles, sorted by name."""
    has = await associations(call)
    roles = await access.roles(call, has.get("roles", {}))
    found = await _permissions(call, has.get("permissions", {}), roles)
    return paging.answer(call, found, "permissions", lambda one: one[0].place, _effective)


async def list_permission_sources(call: Call) -> Response:
    """Return a page of the roles through which the user has a permission, sorted by name."""
    query: PermissionSources = call.query
    roles = await access.roles(call, (await associations(call)).get("roles", {}))
    found = await _permissions(call, (), roles)
    giving = {
        source["source_id"]
        for permission, sources in found
        for source in sources
        if permission.name == query.permission_name
    }
    return _roles_answer(call, [role for role in roles if role.id in giving])


async def _permissions(
    call: Call, direct: Any, roles: Sequence[Setting]
) -> list[tuple[ApiPermission, list[dict[str, str]]]]:
    """Return the user's permissions at the requested API with their sources. Raises Rejected (404) if the API
    does not exist."""
    query: EffectivePermissions = call.query
    known = await access.catalogue(call, identifiers=(query.resource_server_identifier,))
    if not known.identifiers:
        raise Rejected(NO_SUCH_API)
    return with_sources(known, direct, [role_of(role) for role in roles])


def _effective(found: tuple[ApiPermission, list[dict[str, str]]]) -> dict[str, Any]:
    permission, sources = found
    types = {source["source_type"] for source in sources}
    ways = [way for way, kind in (("direct", "DIRECT"), ("roles", "ROLE")) if kind in types]
    return {**permission.shown(), "sources": ways}


def _roles_answer(call: Call, roles: Sequence[Setting]) -> Response:
    return paging.answer(
        call,
        roles,
        "roles",
        lambda role: str(role.document["name"]),
        lambda role: {**present_role(role), "sources": ["direct"]},
    )


_USER: Final = "/api/v2/users/{id}"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path=f"{_USER}/effective-roles",
        handler=list_effective_roles,
        scopes=("read:user_effective_roles",),
        summary="Get a user's effective roles",
        description=(
            "Returns all roles of a user, sorted by name. Every role is assigned directly because Vita has"
            " no user groups."
        ),
        query=Effective,
        result=listed(EffectiveRole, "roles", offset=False),
        responses={200: "Roles.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="GET",
        path=f"{_USER}/effective-permissions",
        handler=list_effective_permissions,
        scopes=("read:user_effective_permissions",),
        summary="Get a user's effective permissions",
        description=(
            "Returns all permissions of a user at one API, direct ones and those of the user's roles,"
            " sorted by name."
        ),
        query=EffectivePermissions,
        result=listed(EffectivePermission, "permissions", offset=False),
        responses={200: "Permissions.", 404: NO_SUCH_API},
    ),
    Operation(
        method="GET",
        path=f"{_USER}/effective-permissions/sources/effective-roles",
        handler=list_permission_sources,
        scopes=("read:user_permission_source_roles",),
        summary="Get the roles a user's permission comes from",
        description="Returns the roles through which a user has a permission, sorted by name.",
        query=PermissionSources,
        result=listed(EffectiveRole, "roles", offset=False),
        responses={200: "Roles.", 404: NO_SUCH_API},
    ),
)
