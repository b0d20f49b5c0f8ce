"""API clients: reading, creating, changing, deleting, and new secrets. A secret is shown once and stored as a
hash."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from projections.client.fold import ClientState
from services.commands.identifiers import new_id
from services.commands.settings.clients import NO_SUCH_CLIENT, ChangedClient
from services.commands.settings.decide_client import (
    changed_settings,
    has_secret,
    new_settings,
    with_credential_ids,
)
from services.management.clients.models import (
    Client,
    ClientFields,
    ClientWithSecret,
    CreateClient,
    ListClients,
    UpdateClient,
)
from services.management.clients.present import shown
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.command_context import context_of, has_revision
from services.management.http.models.paging import listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.queries import clients
from services.queries.settings import list_settings
from services.runtime.auth.client_secrets import hash_secret, new_client_id, new_client_secret
from services.runtime.rejection import Rejection, invalid

_NO_SECRET: Final = invalid(
    "The client authenticates by no secret (token_endpoint_auth_method is none).", "operation_not_supported"
)


def _new_credential_id() -> str:
    return new_id("cred_")


async def list_clients(call: Call) -> Response:
    """Return a page of the tenant's clients, sorted by name."""
    query: ListClients = call.query
    async with call.connection() as connection:
        everybody, opened = await clients.list_clients(connection, call.keyring, call.tenant)
    return paging.answer(
        call,
        [client for client in everybody if _is_asked_for(client, query)],
        "clients",
        lambda client: f"{client.name}\t{client.client_id}",
        lambda client: _selected(shown(call.tenant, opened(client)), query),
    )


async def get_client(call: Call) -> Response:
    """Return a client, without its secret, because only a hash is stored."""
    query: ClientFields = call.query
    found = await call.commands.clients.store.get(call.tenant, call.path("id"))
    headers = responses.revision_headers(found.revision)
    if has_revision(call.request.headers, found.revision):
        return responses.nothing(304, headers)
    return responses.value(_selected(shown(call.tenant, found), query), headers=headers)


async def create_client(call: Call) -> Response:
    """Create a client and return it with its secret. Its client grants define its scopes."""
    body: CreateClient = call.body
    settings = with_credential_ids(new_settings(given_settings(body)), _new_credential_id)
    secret = new_client_secret() if has_secret(settings) else None
    fresh = ClientState(
        client_id=new_client_id(),
        name=body.name,
        secret_hash=None if secret is None else hash_secret(secret),
        scopes=(),
        event_id="",
        deleted=False,
        revision=0,
        settings=settings,
    )
    return _answer(call, await call.commands.clients.create(context_of(call), fresh), 201, secret)


async def update_client(call: Call) -> Response:
    """Replace the properties in the body; the others remain. `client_metadata` is merged."""
    body: UpdateClient = call.body
    given = given_settings(body)

    def decide(current: ClientState) -> ClientState | Rejection:
        changed = changed_settings(current.settings, given)
        settings = with_credential_ids(changed, _new_credential_id)
        secret_hash = current.secret_hash if has_secret(settings) else None
        if body.client_secret is not None:
            if not has_secret(settings):
                return _NO_SECRET
            secret_hash = hash_secret(body.client_secret)
        return replace(current, name=body.name or current.name, settings=settings, secret_hash=secret_hash)

    return _answer(call, await call.commands.clients.change(context_of(call), call.path("id"), decide), 200)


async def rotate_secret(call: Call) -> Response:
    """Replace the secret. The old one stops working at once; issued tokens remain valid until they expire."""
    secret = new_client_secret()

    def decide(current: ClientState) -> ClientState | Rejection:
        if not has_secret(current.settings):
            return _NO_SECRET
        return replace(current, secret_hash=hash_secret(secret))

    return _answer(
        call,
        await call.commands.clients.change(context_of(call), call.path("id"), decide),
        200,
        secret,
    )


async def delete_client(call: Call) -> Response:
    """Delete a client and its grants; 204 also for an unknown client. Issued tokens remain valid until they
    expire."""
    client_id = call.path("id")
    changed = await call.commands.clients.remove(context_of(call), client_id)
    if changed is None:
        return responses.nothing()
    await _remove_grants(call, client_id)
    return responses.after_write(changed.written, responses.nothing())


def given_settings(body: CreateClient | UpdateClient) -> dict[str, Any]:
    """Return the settings in a body, without the name and the secret."""
    return body.model_dump(exclude_unset=True, exclude={"name", "client_secret"})


async def _remove_grants(call: Call, client_id: str) -> None:
    async with call.connection() as connection:
        grants = await list_settings(connection, call.keyring, call.tenant, "client_grant")
    for grant in grants:
        if grant.document.get("client_id") == client_id:
            await call.commands.settings.remove(context_of(call), "client_grant", grant.id)


def _is_asked_for(client: ClientState, query: ListClients) -> bool:
    settings, types = client.settings, presenting.field_names(query.app_type)
    first_party = settings.get("is_first_party", True)
    return (query.is_first_party is None or first_party is query.is_first_party) and (
        not types or settings.get("app_type") in types
    )


def _selected(document: Mapping[str, Any], query: ClientFields | ListClients) -> Mapping[str, Any]:
    names = presenting.field_names(query.fields)
    if not names:
        return document
    return {name: value for name, value in document.items() if (name in names) is query.include_fields}


def _answer(call: Call, changed: ChangedClient, status: int, secret: str | None = None) -> Response:
    client, written = changed.client, changed.written
    if written is not None and not written.visible:
        known = {"client_id": client.client_id, **({} if secret is None else {"client_secret": secret})}
        return responses.accepted(written.position, known)
    headers = {responses.ETAG: responses.etag(client.revision), **_position(changed)}
    if secret is not None:
        headers["Cache-Control"] = "no-store"
    return responses.value(shown(call.tenant, client, secret), status, headers)


def _position(changed: ChangedClient) -> dict[str, str]:
    return {} if changed.written is None else {responses.POSITION: str(changed.written.position)}


_LATE: Final = "Accepted; the view does not show it yet."
_ABSENT: Final = NO_SUCH_CLIENT
_OTHER_REVISION: Final = "The revision differs from the one in If-Match."
_BUSY: Final = "The client is being changed by other requests."
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/clients",
        handler=list_clients,
        scopes=("read:clients", "read:client_keys"),
        tag="clients",
        summary="Get clients",
        description="Returns a page of clients, sorted by name. Client secrets are never included.",
        query=ListClients,
        result=listed(Client, "clients"),
        responses={200: "Clients."},
    ),
    Operation(
        method="POST",
        path="/api/v2/clients",
        handler=create_client,
        scopes=("create:clients",),
        tag="clients",
        summary="Create a client",
        description=(
            "Creates a client. The response is the only one that contains its secret. What the client may"
            " do at an API is defined by its client grants."
        ),
        body=CreateClient,
        result=ClientWithSecret | Client,
        responses={201: "The client with its secret.", 202: _LATE},
    ),
    Operation(
        method="GET",
        path="/api/v2/clients/{id}",
        handler=get_client,
        scopes=("read:clients", "read:client_keys"),
        tag="clients",
        summary="Get a client by ID",
        description="Returns one client. The secret is not included because only its hash is stored.",
        query=ClientFields,
        result=Client,
        responses={200: "The client.", 304: "Not modified.", 404: _ABSENT},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/clients/{id}",
        handler=update_client,
        scopes=("update:clients",),
        tag="clients",
        summary="Update a client",
        description=(
            "Updates the properties that the body names; all others remain unchanged. `client_metadata` is"
            " merged."
        ),
        body=UpdateClient,
        result=Client,
        responses={200: "The client.", 202: _LATE, 404: _ABSENT, 409: _BUSY, 412: _OTHER_REVISION},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/clients/{id}",
        handler=delete_client,
        scopes=("delete:clients",),
        tag="clients",
        summary="Delete a client",
        description=(
            "Deletes a client and its client grants. Returns 204 also if the client does not exist. Issued"
            " access tokens remain valid until they expire."
        ),
        responses={202: _LATE, 204: "Deleted.", 409: _BUSY, 412: _OTHER_REVISION},
    ),
    Operation(
        method="POST",
        path="/api/v2/clients/{id}/rotate-secret",
        handler=rotate_secret,
        scopes=("update:client_keys",),
        tag="clients",
        summary="Rotate a client secret",
        description=(
            "Replaces the secret of a client. The response is the only one that contains the new secret."
            " The previous secret stops working at once; issued access tokens remain valid until they"
            " expire."
        ),
        result=ClientWithSecret,
        responses={200: "The client with its new secret.", 202: _LATE, 404: _ABSENT, 412: _OTHER_REVISION},
    ),
)
