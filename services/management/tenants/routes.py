"""GET and PATCH of /tenants/settings."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.management import setting_responses
from services.management.http import present as presenting
from services.management.http import responses
from services.management.http.command_context import context_of
from services.management.http.models.query import Selected
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.tenants.models import TenantSettings, UpdateTenantSettings
from services.queries.settings import TENANT_SETTINGS, find_setting

_NONE: Final[Mapping[str, Any]] = dict.fromkeys(TenantSettings.model_fields)


async def get_tenant_settings(call: Call) -> Response:
    """Return the tenant's settings; those that were never set are null."""
    query: Selected = call.query
    async with call.connection() as connection:
        found = _shown(await find_setting(connection, call.keyring, call.tenant, "tenant", TENANT_SETTINGS))
    names = presenting.field_names(query.fields)
    return responses.value(
        {name: value for name, value in found.items() if not names or (name in names) is query.include_fields}
    )


async def update_tenant_settings(call: Call) -> Response:
    """Change the settings in the body; the others remain."""
    patch = call.body.model_dump(exclude_unset=True)
    changed = await call.commands.settings.set_only(
        context_of(call), "tenant", TENANT_SETTINGS, {}, lambda now: _merged(_shown(now), patch)
    )
    return setting_responses.only_changed(changed, _shown)


def _merged(settings: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    flags = patch.get("flags")
    if flags is not None:
        patch = {**patch, "flags": {**settings.get("flags", {}), **flags}}
    return {name: value for name, value in {**settings, **patch}.items() if value is not None}


def _shown(setting: Setting | None) -> dict[str, Any]:
    document = {} if setting is None else setting.document
    return {**_NONE, **{name: value for name, value in document.items() if name != "id"}}


_ERRORS: Final = {401: "Invalid token.", 403: "Insufficient scope."}
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/tenants/settings",
        handler=get_tenant_settings,
        scopes=("read:tenant_settings",),
        tag="tenants",
        summary="Get Tenant Settings",
        description="Returns the settings of the tenant. Settings that were never set are null.",
        query=Selected,
        result=TenantSettings,
        responses={200: "The settings.", 400: "Invalid request.", **_ERRORS},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/tenants/settings",
        handler=update_tenant_settings,
        scopes=("update:tenant_settings",),
        tag="tenants",
        summary="Update Tenant Settings",
        description="Updates the settings that the body names; all others remain unchanged.",
        body=UpdateTenantSettings,
        result=TenantSettings,
        responses={
            200: "The settings.",
            202: "Accepted; the view does not show it yet.",
            400: "Invalid request.",
            **_ERRORS,
            409: "It is being changed by other requests.",
            413: "The body is too large.",
            503: "The service is temporarily unavailable.",
        },
    ),
)
