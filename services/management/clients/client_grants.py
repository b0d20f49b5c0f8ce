"""Client grants: the scopes that a client may request at an API."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from projections.setting.fold import Setting
from services.commands.identifiers import new_id
from services.commands.settings.settings import NewSetting
from services.management import setting_responses
from services.management.clients.models import CreateGrant, Grant, KeptByGrants, ListClientGrants, UpdateGrant
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.oauth.audiences import OURS, is_ours
from services.queries.settings import find_setting_by_name, list_settings
from services.runtime.rejection import Rejected, Rejection, invalid_body

_ABSENT: Final = Rejection("not_found", "Client grant not found.", "inexistent_client_grant")
_EXISTS: Final = Rejection("conflict", "A client grant with the same client_id and audience already exists.")
_NO_SUCH_API: Final = Rejection("not_found", "Resource server not found.", "inexistent_resource_server")
_SCOPES: Final = ":client_grants"


async def list_grants(call: Call) -> Response:
    """Return a page of the tenant's client grants."""
    query: ListClientGrants = call.query
    async with call.connection() as connection:
        found = await list_settings(connection, call.keyring, call.tenant, "client_grant")
    asked = [grant for grant in found if _is_asked_for(call, grant, query)]
    return paging.answer(
        call, asked, "client_grants", lambda grant: grant.id, lambda grant: _shown(call, grant)
    )


async def get_grant(call: Call) -> Response:
    """Return a client grant. Raises Rejected (not_found)."""
    found = await setting_responses.find(call, "client_grant", call.path("id"), _ABSENT)
    return responses.value(_shown(call, found), headers=responses.revision_headers(found.revision))


async def create_grant(call: Call) -> Response:
    """Grant a client scopes at an API, for tokens issued from now on. A client has at most one grant for each
    API."""
    body: CreateGrant = call.body
    holder = await _holder(call, body)
    audience = await _known_as(call, body.audience)
    subject_type = body.subject_type or "client"
    settings = {
        **holder,
        "audience": audience,
        "scope": list(dict.fromkeys(body.scope or ())),
        "subject_type": subject_type,
        **_kept(body),
    }
    name = f"{next(iter(holder.values()))} {audience}"
    if subject_type != "client":
        name += f" {subject_type}"
    new = NewSetting("client_grant", new_id("cgr_"), name, settings)
    changed = await call.commands.settings.create(context_of(call), new, _EXISTS)
    return setting_responses.changed(changed, partial(_shown, call), 201)


async def update_grant(call: Call) -> Response:
    """Replace the scopes of a grant. Issued tokens keep theirs until they expire."""
    body: UpdateGrant = call.body

    def decide(current: Setting) -> Mapping[str, Any]:
        before = {name: value for name, value in current.document.items() if name != "id"}
        scope = {} if body.scope is None else {"scope": list(dict.fromkeys(body.scope))}
        return {**before, **scope, **_kept(body)}

    changed = await call.commands.settings.change(
        context_of(call), "client_grant", call.path("id"), decide, _ABSENT
    )
    return setting_responses.changed(changed, partial(_shown, call))


async def delete_grant(call: Call) -> Response:
    """Delete a grant; 204 also for an unknown one. Issued tokens remain valid until they expire."""
    written = await call.commands.settings.remove(context_of(call), "client_grant", call.path("id"))
    return responses.after_write(written, responses.nothing())


async def _holder(call: Call, body: CreateGrant) -> dict[str, str]:
    """Return the client of a new grant, or the kind of clients that it is a default for. Raises Rejected
    (400, 404)."""
    if body.client_id is None and body.default_for is not None:
        return {"default_for": body.default_for}
    if body.client_id is None:
        raise Rejected(invalid_body("Missing required property: client_id"))
    if body.default_for is not None:
        raise Rejected(invalid_body("Additional properties not allowed: default_for"))
    await call.commands.clients.store.get(call.tenant, body.client_id)
    return {"client_id": body.client_id}


def _kept(body: KeptByGrants) -> dict[str, Any]:
    return {name: getattr(body, name) for name in KeptByGrants.model_fields if body.given(name)}


async def _known_as(call: Call, audience: str) -> str:
    """Return the name of the API in stored grants. Raises Rejected (404) if the API is not defined."""
    if _is_ours(call, audience):
        return OURS
    async with call.connection() as connection:
        known = await find_setting_by_name(connection, call.keyring, call.tenant, "resource_server", audience)
    if known is None or audience == OURS:
        raise Rejected(_NO_SUCH_API)
    return audience


def _is_ours(call: Call, audience: str) -> bool:
    return is_ours(audience, call.service.settings.token_audience, call.request.headers.get("host", ""))


def _shown(call: Call, grant: Setting) -> Mapping[str, Any]:
    """Return the grant as a document, with the current audience of the Management API."""
    if grant.document["audience"] != OURS:
        return grant.document
    return {**grant.document, "audience": call.service.settings.token_audience}


def _is_asked_for(call: Call, grant: Setting, query: ListClientGrants) -> bool:
    document, audience = grant.document, query.audience
    if audience is not None and document["audience"] != (OURS if _is_ours(call, audience) else audience):
        return False
    return query.client_id is None or document.get("client_id") == query.client_id


_LATE: Final = "Accepted; the view does not show it yet."
_BUSY: Final = "The grant is being changed by other requests."
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/client-grants",
        handler=list_grants,
        scopes=("read" + _SCOPES,),
        tag="client-grants",
        summary="Get client grants",
        description="Returns a page of client grants.",
        query=ListClientGrants,
        result=listed(Grant, "client_grants"),
        responses={200: "Grants."},
    ),
    Operation(
        method="POST",
        path="/api/v2/client-grants",
        handler=create_grant,
        scopes=("create" + _SCOPES,),
        tag="client-grants",
        summary="Create a client grant",
        description=(
            "Grants a client scopes at an API. A client has at most one grant for each API. The grant"
            " applies to access tokens issued from now on."
        ),
        body=CreateGrant,
        result=Grant,
        responses={201: "The grant.", 202: _LATE, 404: _NO_SUCH_API, 409: _EXISTS},
    ),
    Operation(
        method="GET",
        path="/api/v2/client-grants/{id}",
        handler=get_grant,
        scopes=("read" + _SCOPES,),
        tag="client-grants",
        summary="Get a client grant",
        description="Returns one client grant.",
        result=Grant,
        responses={200: "The grant.", 404: _ABSENT},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/client-grants/{id}",
        handler=update_grant,
        scopes=("update" + _SCOPES,),
        tag="client-grants",
        summary="Update a client grant",
        description=(
            "Replaces the scopes of a client grant. Issued access tokens keep their scopes until they expire."
        ),
        body=UpdateGrant,
        result=Grant,
        responses={200: "The grant.", 202: _LATE, 404: _ABSENT, 409: _BUSY},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/client-grants/{id}",
        handler=delete_grant,
        scopes=("delete" + _SCOPES,),
        tag="client-grants",
        summary="Delete a client grant",
        description=(
            "Deletes a client grant. Returns 204 also if the grant does not exist. Issued access tokens"
            " remain valid until they expire."
        ),
        responses={202: _LATE, 204: "Deleted.", 409: _BUSY},
    ),
)
