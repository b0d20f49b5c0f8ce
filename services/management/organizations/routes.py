"""Organizations and their members."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.access import decide
from services.commands.context import STALE_REVISION
from services.commands.identifiers import new_id
from services.commands.settings.settings import NewSetting
from services.management import setting_responses
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.command_context import context_of
from services.management.http.models.paging import listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.organizations.models import (
    CreateOrganization,
    ListMembers,
    ListOrganizations,
    Members,
    OrganizationBody,
    UpdateOrganization,
)
from services.management.organizations.results import Organization
from services.management.roles import members
from services.management.roles.results import Member
from services.queries.settings import find_setting_by_name, list_settings
from services.runtime.postgres.lookup import is_storable
from services.runtime.rejection import Rejected, Rejection

EXISTS: Final = Rejection("conflict", "An organization with this name already exists.")
ABSENT: Final = Rejection("not_found", "No organization found by that id or name", "inexistent_organization")
_SOMEBODY_MISSING: Final = Rejection("not_found", "One or more of the users do not exist.")


async def list_organizations(call: Call) -> Response:
    """Return a page of organizations, sorted by name."""
    async with call.connection() as connection:
        found = await list_settings(connection, call.keyring, call.tenant, "organization")
    return paging.answer(
        call,
        [organization_shown(each) for each in found],
        "organizations",
        lambda each: str(each["name"]),
    )


async def get_organization(call: Call) -> Response:
    """Return an organization. Raises Rejected (not_found)."""
    found = await _organization(call)
    return setting_responses.show(call, found, organization_shown(found))


async def get_organization_by_name(call: Call) -> Response:
    """Return the organization with this name. Raises Rejected (not_found)."""
    name = call.path("name")
    if not is_storable(name):
        raise Rejected(ABSENT)
    async with call.connection() as connection:
        found = await find_setting_by_name(connection, call.keyring, call.tenant, "organization", name)
    if found is None:
        raise Rejected(ABSENT)
    return setting_responses.show(call, found, organization_shown(found))


async def create_organization(call: Call) -> Response:
    """Create an organization with a unique name, which is the default of `display_name`."""
    body: CreateOrganization = call.body
    settings = {"name": body.name, "display_name": body.name, **_given(body)}
    made = await call.commands.settings.create(
        context_of(call), NewSetting("organization", new_id("org_"), body.name, settings), EXISTS
    )
    return setting_responses.changed(made, organization_shown, 201)


async def update_organization(call: Call) -> Response:
    """Replace the properties in the body."""

    def changed(organization: Setting) -> Mapping[str, Any]:
        before = {name: value for name, value in organization.document.items() if name != "id"}
        return {**before, **_given(call.body)}

    made = await call.commands.settings.change(
        context_of(call), "organization", call.path("id"), changed, ABSENT, EXISTS
    )
    return setting_responses.changed(made, organization_shown)


async def delete_organization(call: Call) -> Response:
    """Delete an organization and all memberships in it."""
    written = await call.commands.settings.remove(context_of(call), "organization", call.path("id"), ABSENT)
    return responses.after_write(written, responses.nothing())


async def list_members(call: Call) -> Response:
    """Return a page of the members, in the order in which they joined."""
    query: ListMembers = call.query
    named = presenting.field_names(query.fields)
    shown = [name for name in members.SHOWN if not named or (name in named) is query.include_fields]
    return await members.listed(call, "organization", (await _organization(call)).id, "members", shown)


async def add_members(call: Call) -> Response:
    """Add members, each with a separate command. Raises Rejected (not_found) before the first command if one
    of the users does not exist."""
    body: Members = call.body
    organization = await _organization(call)
    everybody = await members.found(call, body.members)
    if not everybody.keys() >= {*body.members}:
        raise Rejected(_SOMEBODY_MISSING)

    return await members.change(
        call,
        everybody,
        lambda person: decide.join(person.associations, organization.id),
        responses.nothing(),
    )


async def delete_members(call: Call) -> Response:
    """Remove members; users who are not members are ignored."""
    body: Members = call.body
    organization = await _organization(call)

    return await members.change(
        call,
        await members.found(call, body.members),
        lambda person: decide.leave(person.associations, organization.id),
        responses.nothing(),
    )


def organization_shown(setting: Setting) -> dict[str, Any]:
    """Return an organization as JSON."""
    rest = {name: value for name, value in setting.document.items() if name not in ("id", "name")}
    return {"id": setting.id, "name": setting.document["name"], **rest}


def _given(body: OrganizationBody) -> dict[str, Any]:
    return body.model_dump(exclude_unset=True)


async def _organization(call: Call) -> Setting:
    return await setting_responses.find(call, "organization", call.path("id"), ABSENT)


_LATE: Final = "Accepted; the view does not show it yet."
_ALL: Final = "/api/v2/organizations"
_ONE: Final = "/api/v2/organizations/{id}"
_TAG: Final = "organizations"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path=_ALL,
        handler=list_organizations,
        scopes=("read:organizations",),
        tag=_TAG,
        summary="Get organizations",
        description="Returns a page of organizations, sorted by name.",
        query=ListOrganizations,
        result=listed(Organization, "organizations"),
        responses={200: "Organizations."},
    ),
    Operation(
        method="POST",
        path=_ALL,
        handler=create_organization,
        scopes=("create:organizations",),
        tag=_TAG,
        summary="Create an Organization",
        description=(
            "Creates an organization. Its name must be unique within the tenant and is the default of"
            " `display_name`."
        ),
        body=CreateOrganization,
        result=Organization,
        responses={201: "The organization.", 202: _LATE, 409: EXISTS},
    ),
    Operation(
        method="GET",
        path=f"{_ALL}/name/{{name}}",
        handler=get_organization_by_name,
        scopes=("read:organizations",),
        tag=_TAG,
        summary="Get organization by name",
        description="Returns the organization with this name.",
        result=Organization,
        responses={200: "The organization.", 304: "Not modified.", 404: ABSENT},
    ),
    Operation(
        method="GET",
        path=_ONE,
        handler=get_organization,
        scopes=("read:organizations",),
        tag=_TAG,
        summary="Get organization",
        description="Returns one organization.",
        result=Organization,
        responses={200: "The organization.", 304: "Not modified.", 404: ABSENT},
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        handler=update_organization,
        scopes=("update:organizations",),
        tag=_TAG,
        summary="Modify an Organization",
        description="Updates the properties that the body names; all others remain unchanged.",
        body=UpdateOrganization,
        result=Organization,
        responses={200: "The organization.", 202: _LATE, 404: ABSENT, 409: EXISTS, 412: STALE_REVISION},
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        handler=delete_organization,
        scopes=("delete:organizations",),
        tag=_TAG,
        summary="Delete organization",
        description="Deletes an organization and ends all memberships in it.",
        responses={
            202: _LATE,
            204: "Deleted.",
            404: ABSENT,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/members",
        handler=list_members,
        scopes=("read:organization_members",),
        tag=_TAG,
        summary="Get members who belong to an organization",
        description="Returns a page of the members of an organization, in the order in which they joined.",
        query=ListMembers,
        result=listed(Member, "members"),
        responses={200: "Members.", 404: ABSENT},
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/members",
        handler=add_members,
        scopes=("create:organization_members",),
        tag=_TAG,
        summary="Add members to an organization",
        description=(
            "Adds users to an organization. No user is added if one of them does not exist. The users are"
            " then changed one after another, and the request can be repeated safely."
        ),
        body=Members,
        responses={202: _LATE, 204: "Added.", 404: _SOMEBODY_MISSING},
    ),
    Operation(
        method="DELETE",
        path=f"{_ONE}/members",
        handler=delete_members,
        scopes=("delete:organization_members",),
        tag=_TAG,
        summary="Delete members from an organization",
        description="Removes users from an organization. Users who are not members are ignored.",
        body=Members,
        responses={202: _LATE, 204: "Removed.", 404: ABSENT},
    ),
)
