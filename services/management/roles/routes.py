"""Roles, their permissions and their members."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.access import decide
from services.commands.access.permissions import MOST_OF_A_ROLE
from services.commands.context import STALE_REVISION
from services.commands.decision import Decision
from services.commands.identifiers import new_id
from services.commands.settings.settings import NewSetting
from services.ledger import reservations
from services.management import setting_responses
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import AnyPage, listed
from services.management.http.models.results import Empty
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.roles import access, members
from services.management.roles.models import CreateRole, ListRoles, Permissions, UpdateRole, UserIds
from services.management.roles.present import present_role
from services.management.roles.results import Member, PermissionShown, Role
from services.queries.permissions import NO_SUCH_API, NO_SUCH_ROLE, find_permissions
from services.queries.settings import list_settings
from services.queries.users import UserRecord
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.rejection import Rejected, Rejection, invalid

MOST_ROLES: Final = 1000
ROLE_EXISTS: Final = Rejection("conflict", "The role already exists.")
_NOT_FOUND: Final = Rejection("not_found", "Role not found.")
_SOMEBODY_MISSING: Final = Rejection("not_found", "One or more of the users do not exist.")
_TENANT_FULL: Final = invalid("No more roles can be created in this tenant.")
_ROLE_FULL: Final = invalid("No more permissions can be assigned to this role.")


async def list_roles(call: Call) -> Response:
    """Return a page of roles, sorted by name."""
    query: ListRoles = call.query
    async with call.connection() as connection:
        everything = await list_settings(connection, call.keyring, call.tenant, "role")
    wanted = (query.name_filter or "").casefold()
    found = [present_role(role) for role in everything if wanted in role.document["name"].casefold()]
    for name, value in (("type", query.type), ("owner_id", query.owner_id)):
        found = found if value is None else [role for role in found if role.get(name) == value]
    return paging.answer(call, found, "roles", lambda role: str(role["name"]))


async def get_role(call: Call) -> Response:
    """Return a role. Raises Rejected (not_found)."""
    role = await _role(call)
    return setting_responses.show(call, role, present_role(role))


async def create_role(call: Call) -> Response:
    """Create a role without permissions."""
    body: CreateRole = call.body

    async def room(connection: DatabaseConnection) -> None:
        if await reservations.count_settings(connection, call.tenant, "role") >= MOST_ROLES:
            raise Rejected(_TENANT_FULL)

    settings = {"name": body.name, "description": body.description, "type": "tenant"}
    made = await call.commands.settings.create(
        context_of(call), NewSetting("role", new_id("rol_"), body.name, settings), ROLE_EXISTS, room
    )
    return setting_responses.changed(
        made, lambda role: {**present_role(role), "description": body.description}
    )


async def update_role(call: Call) -> Response:
    """Replace the properties in the body."""
    given = {name: value for name, value in call.body.model_dump().items() if call.body.given(name)}
    changed = await call.commands.settings.change(
        context_of(call),
        "role",
        call.path("id"),
        lambda role: {**_settings(role), **given},
        NO_SUCH_ROLE,
        ROLE_EXISTS,
    )
    return setting_responses.changed(changed, present_role)


async def delete_role(call: Call) -> Response:
    """Delete a role and remove it from all users."""
    written = await call.commands.settings.remove(context_of(call), "role", call.path("id"), NO_SUCH_ROLE)
    return responses.after_write(written, responses.value({}))


async def list_role_permissions(call: Call) -> Response:
    """Return a page of the permissions of a role, sorted by name."""
    ids = _permissions(await _role(call))
    found = (await access.catalogue(call, ids)).existing(ids)
    return paging.answer(call, found, "permissions", lambda one: one.place, lambda one: one.shown())


async def add_role_permissions(call: Call) -> Response:
    """Add permissions to a role, for all users who have it."""
    body: Permissions = call.body
    before = _permissions(await _role(call))
    names = body.names()
    known = await access.catalogue(call, before, {identifier for identifier, _ in names})
    wanted = [permission.id for permission in find_permissions(known, names)]
    gone = {*before} - {permission.id for permission in known.existing(before)}

    def added(role: Setting) -> Mapping[str, Any] | Rejection:
        kept = [each for each in _permissions(role) if each not in gone]
        after = list(dict.fromkeys([*kept, *wanted]))
        return _ROLE_FULL if len(after) > MOST_OF_A_ROLE else {**_settings(role), "permissions": after}

    changed = await call.commands.settings.change(
        context_of(call), "role", call.path("id"), added, NO_SUCH_ROLE
    )
    return setting_responses.changed(changed, lambda _: {}, 201)


async def remove_role_permissions(call: Call) -> Response:
    """Remove permissions from a role; permissions that it does not have are ignored."""
    body: Permissions = call.body
    names = {*body.names()}
    known = await access.catalogue(call, identifiers={identifier for identifier, _ in names})
    taken = {found.id for name in names if (found := known.named(*name)) is not None}

    def removed(role: Setting) -> Mapping[str, Any]:
        kept = [each for each in _permissions(role) if each not in taken]
        return {**_settings(role), "permissions": kept}

    changed = await call.commands.settings.change(
        context_of(call), "role", call.path("id"), removed, NO_SUCH_ROLE
    )
    return responses.after_write(changed.written, responses.nothing())


async def list_role_users(call: Call) -> Response:
    """Return a page of the users who have the role, in the order of assignment."""
    role = await _role(call, _NOT_FOUND)
    return await members.listed(call, "role", role.id, "users")


async def assign_role_users(call: Call) -> Response:
    """Assign the role to users, each with a separate command. Raises Rejected before the first command if one
    of the users does not exist or has reached the limit of roles."""
    body: UserIds = call.body
    role = await _role(call, _NOT_FOUND)
    everybody = await members.found(call, body.users)
    if not everybody.keys() >= {*body.users}:
        raise Rejected(_SOMEBODY_MISSING)
    held = {name for person in everybody.values() for name in person.associations.get("roles", {})}
    existing = {one.id for one in await access.roles(call, held)} | {role.id}

    def assigned(person: UserRecord) -> Decision:
        return decide.assign_roles(person.associations, existing, [role.id])

    for person in everybody.values():
        if isinstance(rejection := assigned(person), Rejection):
            raise Rejected(rejection)
    return await members.change(call, everybody, assigned, responses.value({}), decide.ROLES_FULL)


async def _role(call: Call, absent: Rejection = NO_SUCH_ROLE) -> Setting:
    return await setting_responses.find(call, "role", call.path("id"), absent)


def _settings(role: Setting) -> dict[str, Any]:
    return {name: value for name, value in role.document.items() if name != "id"}


def _permissions(role: Setting) -> list[str]:
    return list(role.document.get("permissions", ()))


_LATE: Final = "Accepted; the view does not show it yet."
_ROLE: Final = "/api/v2/roles/{id}"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/roles",
        handler=list_roles,
        scopes=("read:roles",),
        tag="roles",
        summary="Get roles",
        description="Returns a page of roles, sorted by name.",
        query=ListRoles,
        result=listed(Role, "roles"),
        responses={200: "Roles."},
    ),
    Operation(
        method="POST",
        path="/api/v2/roles",
        handler=create_role,
        scopes=("create:roles",),
        tag="roles",
        summary="Create a role",
        description="Creates a role without permissions. Its name must be unique within the tenant.",
        body=CreateRole,
        result=Role,
        responses={200: "The role.", 202: _LATE, 409: ROLE_EXISTS},
    ),
    Operation(
        method="GET",
        path=_ROLE,
        handler=get_role,
        scopes=("read:roles",),
        tag="roles",
        summary="Get a role",
        description="Returns one role.",
        result=Role,
        responses={200: "The role.", 304: "Not modified.", 404: NO_SUCH_ROLE},
    ),
    Operation(
        method="PATCH",
        path=_ROLE,
        handler=update_role,
        scopes=("update:roles",),
        tag="roles",
        summary="Update a role",
        description="Updates the properties that the body names; all others remain unchanged.",
        body=UpdateRole,
        result=Role,
        responses={200: "The role.", 202: _LATE, 404: NO_SUCH_ROLE, 409: ROLE_EXISTS, 412: STALE_REVISION},
    ),
    Operation(
        method="DELETE",
        path=_ROLE,
        handler=delete_role,
        scopes=("delete:roles",),
        tag="roles",
        summary="Delete a role",
        description="Deletes a role and removes it from all users who have it.",
        result=Empty,
        responses={
            200: "Deleted.",
            202: _LATE,
            404: NO_SUCH_ROLE,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
    Operation(
        method="GET",
        path=f"{_ROLE}/permissions",
        handler=list_role_permissions,
        scopes=("read:roles",),
        tag="roles",
        summary="Get permissions granted by role",
        description="Returns a page of the permissions of a role, sorted by name.",
        query=AnyPage,
        result=listed(PermissionShown, "permissions"),
        responses={200: "Permissions.", 404: NO_SUCH_ROLE},
    ),
    Operation(
        method="POST",
        path=f"{_ROLE}/permissions",
        handler=add_role_permissions,
        scopes=("update:roles",),
        tag="roles",
        summary="Associate permissions with a role",
        description="Adds permissions to a role. They take effect at once for all users who have the role.",
        body=Permissions,
        result=Empty,
        responses={
            201: "Added.",
            202: _LATE,
            404: NO_SUCH_API,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
    Operation(
        method="DELETE",
        path=f"{_ROLE}/permissions",
        handler=remove_role_permissions,
        scopes=("update:roles",),
        tag="roles",
        summary="Remove permissions from a role",
        description="Removes permissions from a role. Permissions that the role does not have are ignored.",
        body=Permissions,
        responses={
            202: _LATE,
            204: "Removed.",
            404: NO_SUCH_ROLE,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
    Operation(
        method="GET",
        path=f"{_ROLE}/users",
        handler=list_role_users,
        scopes=("read:roles", "read:role_members"),
        tag="roles",
        summary="Get a role's users",
        description="Returns a page of the users who have a role, in the order of their assignment.",
        query=AnyPage,
        result=listed(Member, "users"),
        responses={200: "Users.", 404: _NOT_FOUND},
    ),
    Operation(
        method="POST",
        path=f"{_ROLE}/users",
        handler=assign_role_users,
        scopes=("update:roles", "create:role_members"),
        tag="roles",
        summary="Assign users to a role",
        description=(
            "Assigns a role to users. No user gets the role if one of them does not exist or has reached"
            " the limit of roles. The users are then changed one after another, and the request can be"
            " repeated safely."
        ),
        body=UserIds,
        result=Empty,
        responses={200: "Assigned.", 202: _LATE, 404: _SOMEBODY_MISSING},
    ),
)
