"""Grants, device credentials and connected accounts of users, as logins reported them."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from projections.profile.changes.accounts import Account, accounts_of
from schemas.events import (
    DeviceCredentialCreated,
    DeviceCredentialCreatedData,
    DeviceCredentialRemoved,
    DeviceCredentialRemovedData,
    GrantRevoked,
    GrantRevokedData,
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
)
from services.commands.decision import Acceptance, Decision, Draft
from services.commands.identifiers import new_id
from services.commands.user_rejections import NO_SUCH_USER
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.paging import CheckpointPage, OffsetPage, listed
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.sessions import models
from services.management.sessions import present as showing
from services.queries.connections import connection_ids
from services.queries.sessions import device_credentials, grants
from services.queries.sessions.device_credentials import CredentialFilter
from services.queries.sessions.grants import GrantFilter
from services.queries.sessions.refresh_tokens import find_refresh_token
from services.queries.users import UserRecord
from services.runtime.rejection import Rejection

DEVICE_KNOWN: Final = Rejection("conflict", "A public key for this device and client exists already.")


async def list_grants(call: Call) -> Response:
    """Return the grants of users to applications, optionally of one user, client or audience."""
    query: models.ListGrants = call.query
    narrowed, total = GrantFilter(query.user_id, query.client_id, query.audience), 0
    async with call.connection() as connection:
        rows = await grants.list_grants(connection, call.tenant, narrowed, *_window(query))
        if query.include_totals:
            total = await grants.count_grants(connection, call.tenant, narrowed)
    return paging.at_offset([showing.grant(row) for row in rows], query, "grants", total)


async def delete_grants(call: Call) -> Response:
    """Revoke all grants of the user; 204 also for an unknown user."""
    query: models.DeleteGrants = call.query
    return await _end(call, query.user_id, Draft(GrantRevoked, GrantRevokedData(every=True)))


async def delete_grant(call: Call) -> Response:
    """Revoke a grant; 204 also for an unknown one."""
    identity = call.path("id")
    async with call.connection() as connection:
        owner = await grants.owner_of_grant(connection, call.tenant, identity)
    return await _end(call, owner, Draft(GrantRevoked, GrantRevokedData(grant_id=identity)))


async def list_device_credentials(call: Call) -> Response:
    """Return public keys of devices and refresh tokens, optionally of one user, client or type."""
    query: models.ListDeviceCredentials = call.query
    narrowed, total = CredentialFilter(query.user_id, query.client_id, query.type), 0
    async with call.connection() as connection:
        rows = await device_credentials.list_device_credentials(
            connection, call.tenant, narrowed, *_window(query)
        )
        if query.include_totals:
            total = await device_credentials.count_device_credentials(connection, call.tenant, narrowed)
    shown = [showing.selected(showing.known(dict(row)), query.fields, query.include_fields) for row in rows]
    return paging.at_offset(shown, query, "device_credentials", total)


async def create_device_credential(call: Call) -> Response:
    """Register the public key of a device of the caller, who must be a user."""
    body: models.CreateDeviceCredential = call.body
    data = DeviceCredentialCreatedData(
        credential_id=new_id("dcr_"),
        client_id=body.client_id,
        device_id=body.device_id,
        device_name=body.device_name,
        value=body.value,
    )

    async def decide(person: UserRecord) -> Decision:
        async with call.connection() as connection:
            where = call.tenant, person.subject, body.device_id, body.client_id
            known = await device_credentials.has_public_key(connection, *where)
        return DEVICE_KNOWN if known else Acceptance((Draft(DeviceCredentialCreated, data),))

    context = context_of(call, guarded=False)
    executed = await call.commands.users.change(context, call.principal.subject, decide)
    created = {"id": data.credential_id}
    return responses.after_write(executed.written, responses.value(created, 201), created)


async def delete_device_credential(call: Call) -> Response:
    """Delete a public key or revoke a refresh token; 204 also for an unknown one."""
    identity = call.path("id")
    async with call.connection() as connection:
        owner = await device_credentials.owner_of_public_key(connection, call.tenant, identity)
        token = None if owner else await find_refresh_token(connection, call.tenant, identity)
    if owner is not None:
        data = DeviceCredentialRemovedData(credential_id=identity)
        return await _end(call, owner, Draft(DeviceCredentialRemoved, data))
    ended = RefreshTokenRevokedData(refresh_token_ids=(identity,))
    return await _end(call, None if token is None else token["user_id"], Draft(RefreshTokenRevoked, ended))


async def list_connected_accounts(call: Call) -> Response:
    """Return the accounts at identity providers that may be used on behalf of the user."""
    person = await call.commands.users.store.get(call.tenant, call.path("id"))
    accounts = accounts_of(person.associations)
    async with call.connection() as connection:
        ids = await connection_ids(connection, call.tenant, [one["connection"] for one in accounts])
    return paging.answer(
        call, accounts, "connected_accounts", lambda one: str(one["id"]), lambda one: _account(one, ids)
    )


def _account(account: Account, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": account["id"],
        "connection": account["connection"],
        "connection_id": ids.get(account["connection"], ""),
        "strategy": account["strategy"],
        "access_type": "offline",
        **{name: account[name] for name in ("scopes", "created_at")},
        **{name: account[name] for name in ("expires_at", "organization_id") if name in account},
    }


def _window(query: OffsetPage) -> tuple[int, int]:
    """Return the limit and the offset of a page."""
    return query.per_page, query.page * query.per_page


async def _end(call: Call, user_id: str | None, draft: Draft) -> Response:
    if user_id is None or await call.commands.users.store.find(call.tenant, user_id) is None:
        return responses.nothing()
    context = context_of(call, guarded=False)
    written = await call.commands.users.record(context, user_id, draft)
    return responses.after_write(written, responses.nothing())


_GONE: Final[Mapping[int, str | Rejection]] = {
    202: "Accepted; the view does not show it yet.",
    204: "Deleted.",
    404: NO_SUCH_USER,
}
_GRANTS: Final = ("read:grants",)
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/grants",
        handler=list_grants,
        scopes=_GRANTS,
        tag="grants",
        summary="Get grants",
        description=(
            "Returns the grants that users gave to applications, optionally only those of one user, client"
            " or audience."
        ),
        query=models.ListGrants,
        result=listed(models.GrantResult, "grants", checkpoint=False),
        responses={200: "Found."},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/grants",
        handler=delete_grants,
        scopes=("delete:grants",),
        tag="grants",
        summary="Delete a grant by user_id",
        description="Revokes all grants of a user. Returns 204 also if the user does not exist.",
        query=models.DeleteGrants,
        responses=_GONE,
    ),
    Operation(
        method="DELETE",
        path="/api/v2/grants/{id}",
        handler=delete_grant,
        scopes=("delete:grants",),
        tag="grants",
        summary="Delete a grant by id",
        description="Revokes a grant. Returns 204 also if the grant does not exist.",
        responses=_GONE,
    ),
    Operation(
        method="GET",
        path="/api/v2/device-credentials",
        handler=list_device_credentials,
        scopes=("read:device_credentials",),
        tag="device-credentials",
        summary="Retrieve device credentials",
        description=(
            "Returns the public keys of devices and the refresh tokens, optionally only those of one user,"
            " client or type."
        ),
        query=models.ListDeviceCredentials,
        result=listed(models.DeviceCredentialResult, "device_credentials", checkpoint=False),
        responses={200: "Found."},
    ),
    Operation(
        method="POST",
        path="/api/v2/device-credentials",
        handler=create_device_credential,
        scopes=("create:current_user_device_credentials",),
        tag="device-credentials",
        summary="Create a device public key credential",
        description="Registers the public key of a device of the calling user.",
        body=models.CreateDeviceCredential,
        result=models.Created,
        responses={
            201: "Created.",
            202: "Accepted; the view does not show it yet.",
            404: NO_SUCH_USER,
            409: DEVICE_KNOWN,
        },
    ),
    Operation(
        method="DELETE",
        path="/api/v2/device-credentials/{id}",
        handler=delete_device_credential,
        scopes=("delete:device_credentials",),
        tag="device-credentials",
        summary="Delete a device credential",
        description=(
            "Deletes the public key of a device or revokes a refresh token. Returns 204 also if it does not"
            " exist."
        ),
        responses=_GONE,
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/connected-accounts",
        handler=list_connected_accounts,
        scopes=("read:users",),
        group="read_users",
        summary="Get a User's Connected Accounts",
        description="Returns the accounts at identity providers that may be used on behalf of the user.",
        query=CheckpointPage,
        result=listed(models.ConnectedAccountResult, "connected_accounts", offset=False),
        responses={200: "Found.", 404: NO_SUCH_USER},
    ),
)
