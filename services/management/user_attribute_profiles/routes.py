"""User attribute profiles: how a connection that names one reads people's attributes."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.context import STALE_REVISION
from services.commands.settings import configuration
from services.commands.settings.profile_templates import TEMPLATES, profile_shown
from services.management.http import paging, responses
from services.management.http.models.paging import CheckpointPage, listed
from services.management.http.operation import Call, Operation
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
    """A page of profiles, the oldest first."""
    async with call.service.database.connection(call.tenant) as connection:
        found = await list_settings(connection, call.service.keyring, call.tenant, _KIND)
    return paging.answer(
        call,
        found,
        "user_attribute_profiles",
        lambda profile: f"{profile.created_at} {profile.id}",
        lambda profile: profile_shown(profile.document),
    )


async def list_templates(_call: Call) -> Response:
    """Every template."""
    return responses.value({"user_attribute_profile_templates": list(TEMPLATES.values())})


async def get_template(call: Call) -> Response:
    """One template."""
    found = TEMPLATES.get(call.path("id"))
    if found is None:
        raise Rejected(_NO_TEMPLATE)
    return responses.value(found)


async def get_profile(call: Call) -> Response:
    """One profile."""
    found = await configuration.find(call, _KIND, call.path("id"), ABSENT)
    return configuration.show(call, found, profile_shown(found.document))


async def create_profile(call: Call) -> Response:
    """A profile; a connection uses it by its id in `options.user_attribute_profile_id`."""
    body: CreateProfile = call.body
    settings = body.model_dump(exclude_unset=True)
    made = await configuration.create(
        call, _KIND, configuration.new_id("uap_", 22), body.name, settings, EXISTS
    )
    return configuration.answer(made, profile_shown(made.setting.document), 201)


async def update_profile(call: Call) -> Response:
    """What the body names is replaced; from the next login on it counts."""
    given = call.body.model_dump(exclude_unset=True)

    def changed(profile: Setting) -> Mapping[str, Any]:
        after = {**profile.document, **given}
        return {name: value for name, value in after.items() if name != "id" and value is not None}

    made = await configuration.change(call, _KIND, call.path("id"), changed, ABSENT, EXISTS)
    return configuration.answer(made, profile_shown(made.setting.document))


async def delete_profile(call: Call) -> Response:
    """The profile gone; 204 also for one that never was. Connections that named it read as their strategy
    does."""
    written = await configuration.remove(call, _KIND, call.path("id"))
    return configuration.removed(written, responses.nothing())


_LATE: Final = "Accepted; the view does not show it yet."
_ALL: Final = "/api/v2/user-attribute-profiles"
_READ: Final = ("read:user_attribute_profiles",)
_TAG: Final = "user-attribute-profiles"
OPERATIONS: Final = (
    Operation(
        "GET", _ALL, list_profiles, _READ, "Get User Attribute Profiles", {200: "Profiles."}, CheckpointPage,
        tag=_TAG, result=listed(ProfileShown, "user_attribute_profiles", offset=False),
    ),
    Operation(
        "POST", _ALL, create_profile, ("create:user_attribute_profiles",), "Post User Attribute Profile",
        {201: "The profile.", 202: _LATE, 409: EXISTS}, body=CreateProfile, tag=_TAG, result=ProfileShown,
    ),
    Operation(
        "GET", f"{_ALL}/templates", list_templates, _READ, "Get User Attribute Profile Templates",
        {200: "Templates."}, tag=_TAG, result=Templates,
    ),
    Operation(
        "GET", f"{_ALL}/templates/{{id}}", get_template, _READ, "Get User Attribute Profile Template",
        {200: "The template.", 404: _NO_TEMPLATE}, tag=_TAG, result=Template,
    ),
    Operation(
        "GET", f"{_ALL}/{{id}}", get_profile, _READ, "Get User Attribute Profile",
        {200: "The profile.", 304: "Not modified.", 404: ABSENT}, tag=_TAG, result=ProfileShown,
    ),
    Operation(
        "PATCH", f"{_ALL}/{{id}}", update_profile, ("update:user_attribute_profiles",),
        "Modify a user attribute profile",
        {200: "The profile.", 202: _LATE, 404: ABSENT, 409: EXISTS, 412: STALE_REVISION},
        body=UpdateProfile, tag=_TAG, result=ProfileShown,
    ),
    Operation(
        "DELETE", f"{_ALL}/{{id}}", delete_profile, ("delete:user_attribute_profiles",),
        "Delete User Attribute Profile",
        {202: _LATE, 204: "Gone.", 409: "Being changed by others.", 412: STALE_REVISION}, tag=_TAG,
    ),
)  # fmt: skip
