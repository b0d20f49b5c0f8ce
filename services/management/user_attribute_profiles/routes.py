"""User attribute profiles, which define how the connections that use them map attributes."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.context import STALE_REVISION
from services.commands.identifiers import new_id
from services.commands.settings.profile_templates import TEMPLATES, profile_shown
from services.commands.settings.settings import NewSetting
from services.management import setting_responses
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import CheckpointPage, listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.user_attribute_profiles.models import (
    CreateProfile,
    ProfileShown,
    Template,
    Templates,
    UpdateProfile,
)
from services.queries.settings import list_settings
from services.runtime.rejection import Rejected, Rejection

ABSENT: Final = Rejection("not_found", "User attribute profile not found.")
EXISTS: Final = Rejection("conflict", "A user attribute profile with the same name already exists.")
_NO_TEMPLATE: Final = Rejection("not_found", "User attribute profile template not found.")
_KIND: Final = "user_attribute_profile"


async def list_profiles(call: Call) -> Response:
    """Return a page of profiles, oldest first."""
    async with call.connection() as connection:
        found = await list_settings(connection, call.keyring, call.tenant, _KIND)
    return paging.answer(
        call,
        found,
        "user_attribute_profiles",
        lambda profile: f"{profile.created_at} {profile.id}",
        lambda profile: profile_shown(profile.document),
    )


async def list_templates(_call: Call) -> Response:
    """Return all templates."""
    return responses.value({"user_attribute_profile_templates": list(TEMPLATES.values())})


async def get_template(call: Call) -> Response:
    """Return a template. Raises Rejected (not_found)."""
    found = TEMPLATES.get(call.path("id"))
    if found is None:
        raise Rejected(_NO_TEMPLATE)
    return responses.value(found)


async def get_profile(call: Call) -> Response:
    """Return a user attribute profile. Raises Rejected (not_found)."""
    found = await setting_responses.find(call, _KIND, call.path("id"), ABSENT)
    return setting_responses.show(call, found, profile_shown(found.document))


async def create_profile(call: Call) -> Response:
    """Create a profile. A connection uses it by its id in `options.user_attribute_profile_id`."""
    body: CreateProfile = call.body
    settings = body.model_dump(exclude_unset=True)
    made = await call.commands.settings.create(
        context_of(call), NewSetting(_KIND, new_id("uap_", 22), body.name, settings), EXISTS
    )
    return setting_responses.changed(made, _shown, 201)


async def update_profile(call: Call) -> Response:
    """Replace the properties in the body. The change applies from the next login."""
    given = call.body.model_dump(exclude_unset=True)

    def changed(profile: Setting) -> Mapping[str, Any]:
        after = {**profile.document, **given}
        return {name: value for name, value in after.items() if name != "id" and value is not None}

    made = await call.commands.settings.change(
        context_of(call), _KIND, call.path("id"), changed, ABSENT, EXISTS
    )
    return setting_responses.changed(made, _shown)


async def delete_profile(call: Call) -> Response:
    """Delete a profile; 204 also for an unknown one. Connections that use it fall back to the mapping of
    their strategy."""
    written = await call.commands.settings.remove(context_of(call), _KIND, call.path("id"))
    return responses.after_write(written, responses.nothing())


def _shown(profile: Setting) -> dict[str, Any]:
    return profile_shown(profile.document)


_LATE: Final = "Accepted; the view does not show it yet."
_ALL: Final = "/api/v2/user-attribute-profiles"
_READ: Final = ("read:user_attribute_profiles",)
_TAG: Final = "user-attribute-profiles"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path=_ALL,
        handler=list_profiles,
        scopes=_READ,
        tag=_TAG,
        summary="Get User Attribute Profiles",
        description="Returns a page of user attribute profiles, oldest first.",
        query=CheckpointPage,
        result=listed(ProfileShown, "user_attribute_profiles", offset=False),
        responses={200: "Profiles."},
    ),
    Operation(
        method="POST",
        path=_ALL,
        handler=create_profile,
        scopes=("create:user_attribute_profiles",),
        tag=_TAG,
        summary="Post User Attribute Profile",
        description=(
            "Creates a user attribute profile. A connection uses the profile that its"
            " `options.user_attribute_profile_id` names."
        ),
        body=CreateProfile,
        result=ProfileShown,
        responses={201: "The profile.", 202: _LATE, 409: EXISTS},
    ),
    Operation(
        method="GET",
        path=f"{_ALL}/templates",
        handler=list_templates,
        scopes=_READ,
        tag=_TAG,
        summary="Get User Attribute Profile Templates",
        description="Returns all templates of user attribute profiles.",
        result=Templates,
        responses={200: "Templates."},
    ),
    Operation(
        method="GET",
        path=f"{_ALL}/templates/{{id}}",
        handler=get_template,
        scopes=_READ,
        tag=_TAG,
        summary="Get User Attribute Profile Template",
        description="Returns one template of user attribute profiles.",
        result=Template,
        responses={200: "The template.", 404: _NO_TEMPLATE},
    ),
    Operation(
        method="GET",
        path=f"{_ALL}/{{id}}",
        handler=get_profile,
        scopes=_READ,
        tag=_TAG,
        summary="Get User Attribute Profile",
        description="Returns one user attribute profile.",
        result=ProfileShown,
        responses={200: "The profile.", 304: "Not modified.", 404: ABSENT},
    ),
    Operation(
        method="PATCH",
        path=f"{_ALL}/{{id}}",
        handler=update_profile,
        scopes=("update:user_attribute_profiles",),
        tag=_TAG,
        summary="Modify a user attribute profile",
        description=(
            "Updates the properties that the body names; all others remain unchanged. The change applies"
            " from the next login."
        ),
        body=UpdateProfile,
        result=ProfileShown,
        responses={200: "The profile.", 202: _LATE, 404: ABSENT, 409: EXISTS, 412: STALE_REVISION},
    ),
    Operation(
        method="DELETE",
        path=f"{_ALL}/{{id}}",
        handler=delete_profile,
        scopes=("delete:user_attribute_profiles",),
        tag=_TAG,
        summary="Delete User Attribute Profile",
        description=(
            "Deletes a user attribute profile. Returns 204 also if it does not exist. Connections that use"
            " it fall back to the mapping of their strategy."
        ),
        responses={202: _LATE, 204: "Deleted.", 409: "Being changed by other requests.", 412: STALE_REVISION},
    ),
)
