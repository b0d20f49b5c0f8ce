"""The roles, permissions and organizations of a user."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from services.commands.access import decide
from services.commands.context import STALE_REVISION
from services.commands.decision import Decision
from services.commands.execute import Decide
from services.commands.user_rejections import NO_SUCH_USER
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import AnyPage, listed
from services.management.http.models.results import Empty
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.organizations.results import Organization
from services.management.organizations.routes import organization_shown
from services.management.roles import access
from services.management.roles.models import Permissions, RoleIds
from services.management.roles.present import present_role
from services.management.roles.results import Role, UserPermission
from services.queries import users
from services.queries.permissions import NO_SUCH_API, role_of, with_sources
from services.queries.settings import find_settings
from services.queries.users import UserRecord
from services.runtime.rejection import Rejected, Rejection


async def list_user_roles(call: Call) -> Response:
    """Return a page of the user's roles, sorted by name."""
    found = await access.roles(call, (await associations(call)).get("roles", {}))
    return paging.answer(
        call, [present_role(role) for role in found], "roles", lambda role: str(role["name"])
    )


async def assign_user_roles(call: Call) -> Response:
    """Assign roles to a user: all or none of them. Roles that the user has are ignored."""
    body: RoleIds = call.body

    async def assigned(person: UserRecord) -> Decision:
        existing = await access.roles(call, {*person.associations.get("roles", {}), *body.roles})
        return decide.assign_roles(person.associations, {role.id for role in existing}, body.roles)

    return await _change(call, assigned, responses.nothing(), decide.ROLES_FULL)


async def remove_user_roles(call: Call) -> Response:
    """Remove roles from a user. Roles that the user does not have are ignored."""
    body: RoleIds = call.body
    return await _change(
        call, lambda person: decide.remove_roles(person.associations, body.roles), responses.nothing()
    )


async def list_user_permissions(call: Call) -> Response:
    """Return a page of the user's permissions, direct or through roles, sorted by name."""
    has = await associations(call)
    roles = [role_of(role) for role in await access.roles(call, has.get("roles", {}))]
    direct = has.get("permissions", {})
    given = {each for role in roles for each in role.permissions}
    known = await access.catalogue(call, {*direct, *given})
    return paging.answer(
        call,
        with_sources(known, direct, roles),
        "permissions",
        lambda found: found[0].place,
        lambda found: {**found[0].shown(), "sources": found[1]},
    )


async def assign_user_permissions(call: Call) -> Response:
    """Assign permissions directly to a user: all or none of them."""
    body: Permissions = call.body

    async def assigned(person: UserRecord) -> Decision:
        held, names = person.associations.get("permissions", {}), body.names()
        known = await access.catalogue(call, held, {identifier for identifier, _ in names})
        return decide.assign_permissions(person.associations, known, names)

    return await _change(call, assigned, responses.value({}, 201), decide.PERMISSIONS_FULL)


async def remove_user_permissions(call: Call) -> Response:
    """Remove direct permissions of a user. Permissions through roles remain."""
    body: Permissions = call.body

    async def removed(person: UserRecord) -> Decision:
        names = {*body.names()}
        known = await access.catalogue(call, identifiers={identifier for identifier, _ in names})
        return decide.remove_permissions(person.associations, known, names)

    return await _change(call, removed, responses.nothing())


async def list_user_organizations(call: Call) -> Response:
    """Return a page of the user's organizations, sorted by name."""
    ids = (await associations(call)).get("organizations", {})
    async with call.connection() as connection:
        found = await find_settings(connection, call.keyring, call.tenant, "organization", ids)
    return paging.answer(
        call,
        [organization_shown(each) for each in found],
        "organizations",
        lambda each: str(each["name"]),
    )


async def associations(call: Call) -> Mapping[str, Any]:
    """Return the roles, permissions and organizations of the user in the path. Raises Rejected (404)."""
    async with call.connection() as connection:
        found = await users.find_associations(connection, call.tenant, call.path("id"))
    if found is None:
        raise Rejected(NO_SUCH_USER)
    return found


async def _change(
    call: Call, decided: Decide[UserRecord], answer: Response, ineffective: Rejection = NO_SUCH_USER
) -> Response:
    """Execute a command and return `answer`. Raises Rejected, with `ineffective` if the projector drops the
    command's event."""
    executed = await call.commands.users.change(
        context_of(call), call.path("id"), decided, ineffective=ineffective
    )
    if executed.written is None:
        return answer
    if executed.shown is None:
        return responses.accepted(executed.written.position)
    answer.headers.update(responses.revision_headers(executed.shown.revision, executed.written.position))
    return answer


_LATE: Final = "Accepted; the view does not show it yet."
_ROLES: Final = "/api/v2/users/{id}/roles"
_PERMISSIONS: Final = "/api/v2/users/{id}/permissions"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path=_ROLES,
        handler=list_user_roles,
        scopes=("read:users read:roles", "read:role_members"),
        summary="Get a user's roles",
        description="Returns a page of the roles of a user, sorted by name.",
        query=AnyPage,
        result=listed(Role, "roles"),
        responses={200: "Roles.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="POST",
        path=_ROLES,
        handler=assign_user_roles,
        scopes=("update:users", "create:role_members"),
        summary="Assign roles to a user",
        description=(
            "Assigns roles to a user: all of them or none. Roles that the user already has are ignored."
        ),
        body=RoleIds,
        responses={202: _LATE, 204: "Assigned.", 404: NO_SUCH_USER, 412: STALE_REVISION},
    ),
    Operation(
        method="DELETE",
        path=_ROLES,
        handler=remove_user_roles,
        scopes=("update:users", "delete:role_members"),
        summary="Removes roles from a user",
        description="Removes roles from a user. Roles that the user does not have are ignored.",
        body=RoleIds,
        responses={202: _LATE, 204: "Removed.", 404: NO_SUCH_USER, 412: STALE_REVISION},
    ),
    Operation(
        method="GET",
        path=_PERMISSIONS,
        handler=list_user_permissions,
        scopes=("read:users",),
        summary="Get a User's Permissions",
        description=(
            "Returns a page of the permissions of a user, direct ones and those of the user's roles, sorted"
            " by name."
        ),
        query=AnyPage,
        result=listed(UserPermission, "permissions"),
        responses={200: "Permissions.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="POST",
        path=_PERMISSIONS,
        handler=assign_user_permissions,
        scopes=("update:users",),
        summary="Assign Permissions to a User",
        description="Assigns permissions directly to a user: all of them or none.",
        body=Permissions,
        result=Empty,
        responses={201: "Assigned.", 202: _LATE, 404: NO_SUCH_API, 412: STALE_REVISION},
    ),
    Operation(
        method="DELETE",
        path=_PERMISSIONS,
        handler=remove_user_permissions,
        scopes=("update:users",),
        summary="Remove Permissions from a User",
        description=(
            "Removes permissions that were assigned directly to a user. Permissions that the user has"
            " through roles remain."
        ),
        body=Permissions,
        responses={202: _LATE, 204: "Removed.", 404: NO_SUCH_USER, 412: STALE_REVISION},
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/organizations",
        handler=list_user_organizations,
        scopes=("read:organizations",),
        summary="List user's organizations",
        description="Returns a page of the organizations of which the user is a member, sorted by name.",
        query=AnyPage,
        result=listed(Organization, "organizations"),
        responses={200: "Organizations.", 404: NO_SUCH_USER},
    ),
)
