"""What a user may do and belongs to: roles, permissions and organizations of their own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from projections.profile.changes.access import MOST
from schemas.events import PermissionsData, PermissionsRemoved, RolesData, RolesRemoved
from services.commands.access.capacity import permissions_given, roles_given, room_for
from services.commands.context import STALE_REVISION
from services.commands.outcome import Draft
from services.commands.users import people
from services.commands.users.rejections import NO_SUCH_USER
from services.management.http import paging, responses
from services.management.http.command_context import expected_revision
from services.management.http.models.paging import AnyPage, listed
from services.management.http.models.results import Empty
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.organizations.routes import organization_shown
from services.management.roles import access
from services.management.roles.models import Permissions, RoleIds
from services.management.roles.present import present_role
from services.management.roles.results import Organization, Role, UserPermission
from services.management.roles.routes import ROLES_FULL
from services.queries import users
from services.queries.permissions import NO_SUCH_API, NO_SUCH_ROLE, role_of, with_sources
from services.queries.settings import find_settings
from services.runtime.rejection import Rejected, Rejection, invalid

Decide = Callable[[users.Person], Awaitable[Sequence[Draft]]]
PERMISSIONS_FULL: Final = invalid("No more permissions can be assigned to this user.")


async def list_user_roles(call: Call) -> Response:
    """A page of the user's roles, by name."""
    found = await access.roles(call, (await holdings(call)).get("roles", {}))
    return paging.answer(
        call, [present_role(role) for role in found], "roles", lambda role: str(role["name"])
    )


async def assign_user_roles(call: Call) -> Response:
    """Roles for a user, all or none of them; those the user has already stay as they are."""
    body: RoleIds = call.body

    async def given(person: users.Person) -> list[Draft]:
        held = person.holdings.get("roles", {})
        living = {role.id for role in await access.roles(call, {*held, *body.roles})}
        if not living >= {*body.roles}:
            raise Rejected(NO_SUCH_ROLE)
        room = room_for(held, living, body.roles, MOST["roles"])
        if room is None:
            raise Rejected(ROLES_FULL)
        return roles_given(room)

    return await _change(call, given, responses.nothing(), ROLES_FULL)


async def remove_user_roles(call: Call) -> Response:
    """Roles taken from a user; those the user does not have are left alone."""
    body: RoleIds = call.body

    async def taken(person: users.Person) -> list[Draft]:
        held = person.holdings.get("roles", {})
        roles = tuple(each for each in dict.fromkeys(body.roles) if each in held)
        return [Draft(RolesRemoved, RolesData(roles=roles))] if roles else []

    return await _change(call, taken, responses.nothing())


async def list_user_permissions(call: Call) -> Response:
    """A page of what the user may do, directly or through roles, by name."""
    has = await holdings(call)
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
    """Permissions for a user directly, all or none of them."""
    body: Permissions = call.body

    async def given(person: users.Person) -> list[Draft]:
        held = person.holdings.get("permissions", {})
        identifiers = {each.resource_server_identifier for each in body.permissions}
        known = await access.catalogue(call, held, identifiers)
        asked = access.named(known, body.permissions)
        names = {each.id: (each.api_identifier, each.name) for each in asked}
        living = {each.id for each in known.living(held)}
        room = room_for(held, living, list(names), MOST["permissions"])
        if room is None:
            raise Rejected(PERMISSIONS_FULL)
        return permissions_given(room, names)

    return await _change(call, given, responses.value({}, 201), PERMISSIONS_FULL)


async def remove_user_permissions(call: Call) -> Response:
    """Permissions of the user's own taken; what roles give stays."""
    body: Permissions = call.body

    async def taken(person: users.Person) -> list[Draft]:
        held = person.holdings.get("permissions", {})
        wanted = {(each.resource_server_identifier, each.permission_name) for each in body.permissions}
        known = await access.catalogue(call, identifiers={identifier for identifier, _ in wanted})
        found = [each for name in sorted(wanted) if (each := known.named(*name)) and each.id in held]
        data = [(each.id, (each.api_identifier, each.name)) for each in found]
        if not data:
            return []
        ids, names = zip(*data, strict=True)
        return [Draft(PermissionsRemoved, PermissionsData(permissions=ids, names=names))]

    return await _change(call, taken, responses.nothing())


async def list_user_organizations(call: Call) -> Response:
    """A page of the organizations the user belongs to, by name."""
    ids = (await holdings(call)).get("organizations", {})
    async with call.service.database.connection(call.tenant) as connection:
        found = await find_settings(connection, call.service.keyring, call.tenant, "organization", ids)
    return paging.answer(
        call,
        [organization_shown(each) for each in found],
        "organizations",
        lambda each: str(each["name"]),
    )


async def holdings(call: Call) -> Mapping[str, Any]:
    """What the user of the path has. Raises Rejected (404)."""
    async with call.service.database.connection(call.tenant) as connection:
        found = await users.holdings(connection, call.tenant, call.path("id"))
    if found is None:
        raise Rejected(NO_SUCH_USER)
    return found


async def _change(call: Call, decide: Decide, answer: Response, full: Rejection = NO_SUCH_USER) -> Response:
    """The answer to a command that comes to what is decided, or to nothing."""
    user_id = call.path("id")
    async with call.service.turns.of(call.tenant, user_id, "if-match" in call.request.headers):
        person = await people.living(call, user_id)
        expected = expected_revision(call.request.headers, person.revision)
        drafts = await decide(person)
        if not drafts:
            return answer
        first = Draft(drafts[0].event, drafts[0].data.model_copy(update={"expected_revision": expected}))
        written, outcome = await people.tell(call, person, (first, *drafts[1:]), expected, full)
    if outcome is None:
        return people.accepted(written)
    answer.headers.update(responses.revision_headers(outcome.revision, written.position))
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
