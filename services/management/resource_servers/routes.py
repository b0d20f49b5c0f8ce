"""APIs and their permissions. The Management API is one of them and cannot be changed."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.access.permissions import NewScope, numbered
from services.commands.context import STALE_REVISION
from services.commands.settings.settings import NewSetting
from services.management import setting_responses
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.resource_servers.models import ApiSettings, CreateApi, GetApi, ListApis, UpdateApi
from services.management.resource_servers.results import Api
from services.management.resource_servers.system_api import system_api
from services.queries.permissions import NO_SUCH_API
from services.queries.settings import find_settings, list_settings
from services.runtime.postgres.lookup import is_storable
from services.runtime.rejection import Rejected, Rejection

EXISTS: Final = Rejection("conflict", "A resource server with the same identifier already exists.")
SYSTEM: Final = Rejection(
    "forbidden", "System APIs can not be changed or deleted.", "operation_not_supported"
)
_DEFAULTS: Final[Mapping[str, Any]] = {
    "allow_offline_access": False,
    "skip_consent_for_verifiable_first_party_clients": False,
    "token_lifetime": 86400,
    "token_lifetime_for_web": 7200,
    "signing_alg": "RS256",
}
_INTERNAL: Final = ("id", "scopes", "numbers")


async def list_apis(call: Call) -> Response:
    """Return a page of APIs, sorted by name, including the Management API."""
    query: ListApis = call.query
    async with call.connection() as connection:
        found = await list_settings(connection, call.keyring, call.tenant, "resource_server")
    apis = [shown(api) for api in (*(each.document for each in found), system_api(call))]
    if query.identifiers:
        apis = [api for api in apis if api["identifier"] in query.identifiers]
    return paging.answer(call, apis, "resource_servers", lambda api: f"{api['name']} {api['identifier']}")


async def get_api(call: Call) -> Response:
    """Return an API by its id or its identifier. Raises Rejected (not_found)."""
    system = _system(call)
    if system is not None:
        return responses.value(shown(system))
    api = await _find(call)
    return setting_responses.show(call, api, shown(api.document))


async def create_api(call: Call) -> Response:
    """Create an API. Its identifier is the audience of tokens and unique in the installation.

    Raises Rejected (conflict) if the identifier is taken.
    """
    body: CreateApi = call.body
    domains = call.service.auth.domains
    if body.identifier == system_api(call)["identifier"] or await domains.of_audience(body.identifier):
        raise Rejected(EXISTS)
    settings = {
        "name": body.name or body.identifier,
        "identifier": body.identifier,
        **_DEFAULTS,
        **_given(body),
        **numbered(_scopes(body), {}),
    }
    new = NewSetting("resource_server", secrets.token_hex(12), body.identifier, settings)
    made = await call.commands.settings.create(context_of(call), new, EXISTS)
    return setting_responses.changed(made, _shown, 201)


async def update_api(call: Call) -> Response:
    """Replace the properties in the body. Users and roles keep the permissions that stay in `scopes`."""
    body: UpdateApi = call.body
    _refuse_system(call)

    def changed(api: Setting) -> Mapping[str, Any]:
        before = {name: value for name, value in api.document.items() if name != "id"}
        scopes = {} if body.scopes is None else numbered(_scopes(body), before)
        return {**before, **_given(body), **scopes}

    api = await _find(call)
    made = await call.commands.settings.change(
        context_of(call), "resource_server", api.id, changed, NO_SUCH_API, EXISTS
    )
    return setting_responses.changed(made, _shown)


async def delete_api(call: Call) -> Response:
    """Delete an API and its permissions; 204 also for an unknown API."""
    _refuse_system(call)
    api = await _find_any(call)
    if api is None:
        return responses.nothing()
    written = await call.commands.settings.remove(context_of(call), "resource_server", api.id)
    return responses.after_write(written, responses.nothing())


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an API as JSON."""
    scopes = [
        {name: value for name, value in scope.items() if name != "number"} for scope in document["scopes"]
    ]
    rest = {name: value for name, value in document.items() if name not in _INTERNAL}
    return {"id": document["id"], **rest, "scopes": scopes}


def _shown(api: Setting) -> dict[str, Any]:
    return shown(api.document)


def _given(body: ApiSettings) -> dict[str, Any]:
    """Return the settings in the body, except those that are handled separately."""
    apart = {"scopes", "identifier", "signing_secret"}
    return {name: value for name, value in body.model_dump(exclude=apart).items() if body.given(name)}


def _scopes(body: ApiSettings) -> list[NewScope]:
    return [NewScope(scope.value, scope.description) for scope in body.scopes or ()]


def _system(call: Call) -> dict[str, Any] | None:
    system, asked = system_api(call), call.path("id")
    return system if asked in (system["id"], system["identifier"]) else None


def _refuse_system(call: Call) -> None:
    if _system(call) is not None:
        raise Rejected(SYSTEM)


async def _find(call: Call) -> Setting:
    found = await _find_any(call)
    if found is None:
        raise Rejected(NO_SUCH_API)
    return found


async def _find_any(call: Call) -> Setting | None:
    asked = call.path("id")
    if not is_storable(asked):
        return None
    async with call.connection() as connection:
        found = await find_settings(
            connection, call.keyring, call.tenant, "resource_server", (asked,), (asked,)
        )
    return next((api for api in found if api.id == asked), next(iter(found), None))


_LATE: Final = "Accepted; the view does not show it yet."
_API: Final = "/api/v2/resource-servers/{id}"
_TAG: Final = "resource-servers"
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/resource-servers",
        handler=list_apis,
        scopes=("read:resource_servers",),
        tag=_TAG,
        summary="Get resource servers",
        description="Returns a page of APIs, sorted by name. The Management API is one of them.",
        query=ListApis,
        result=listed(Api, "resource_servers"),
        responses={200: "APIs."},
    ),
    Operation(
        method="POST",
        path="/api/v2/resource-servers",
        handler=create_api,
        scopes=("create:resource_servers",),
        tag=_TAG,
        summary="Create a resource server",
        description=(
            "Creates an API. Its identifier is the audience of access tokens and must be unique in the"
            " installation."
        ),
        body=CreateApi,
        result=Api,
        responses={201: "The API.", 202: _LATE, 409: EXISTS},
    ),
    Operation(
        method="GET",
        path=_API,
        handler=get_api,
        scopes=("read:resource_servers",),
        tag=_TAG,
        summary="Get a resource server",
        description="Returns one API, found by its id or its identifier.",
        query=GetApi,
        result=Api,
        responses={200: "The API.", 304: "Not modified.", 404: NO_SUCH_API},
    ),
    Operation(
        method="PATCH",
        path=_API,
        handler=update_api,
        scopes=("update:resource_servers",),
        tag=_TAG,
        summary="Update a resource server",
        description=(
            "Updates the properties that the body names; all others remain unchanged. Users and roles keep"
            " a permission as long as it stays in `scopes`."
        ),
        body=UpdateApi,
        result=Api,
        responses={
            200: "The API.",
            202: _LATE,
            403: SYSTEM,
            404: NO_SUCH_API,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
    Operation(
        method="DELETE",
        path=_API,
        handler=delete_api,
        scopes=("delete:resource_servers",),
        tag=_TAG,
        summary="Delete a resource server",
        description="Deletes an API and its permissions. Returns 204 also if the API does not exist.",
        responses={
            202: _LATE,
            204: "Deleted.",
            403: SYSTEM,
            409: "Being changed by other requests.",
            412: STALE_REVISION,
        },
    ),
)
