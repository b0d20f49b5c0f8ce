"""GET, POST, PATCH and DELETE of connections."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from schemas.formats.instants import render
from services.commands.settings.connections import NO_SUCH_CONNECTION, StoredConnection
from services.commands.settings.decide_connection import (
    ConnectionChange,
    NewConnection,
    decide_change,
    decide_clients,
)
from services.commands.writer import Written
from services.management.connections.models import (
    ClientStatuses,
    ConnectionBody,
    ConnectionFields,
    CreateConnection,
    EnabledClient,
    ListConnections,
    UpdateConnection,
)
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.command_context import context_of, has_revision
from services.management.http.models.paging import CheckpointPage, listed
from services.management.http.models.results import Connection, Deleted
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.queries import connections
from services.queries.connections import find_connection, open_documents
from services.runtime.rejection import Rejected

_SETTINGS: Final = (
    "display_name", "is_domain_connection", "show_as_button", "metadata", "authentication",
    "connected_accounts", "cross_app_access_requesting_app", "cross_app_access_resource_app",
    "enabled_clients", "realms",
)  # fmt: skip


async def list_connections(call: Call) -> Response:
    """Return a page of connections, sorted by name."""
    query: ListConnections = call.query
    by_cursor = query.take is not None or query.after is not None
    return await (_after_cursor if by_cursor else _at_offset)(call, query)


async def get_connection(call: Call) -> Response:
    """Return a connection. Raises Rejected (not_found)."""
    query: ConnectionFields = call.query
    async with call.connection() as connection:
        found = await find_connection(connection, call.tenant, call.path("id"))
    if found is None:
        raise Rejected(NO_SUCH_CONNECTION)
    revision = found["revision"]
    headers = responses.revision_headers(revision)
    if has_revision(call.request.headers, revision):
        return responses.nothing(304, headers)
    names = presenting.field_names(query.fields)
    (text,) = await _opened(call, [found])
    return responses.document(presenting.present(text, names, query.include_fields), headers=headers)


async def create_connection(call: Call) -> Response:
    """Create a connection with a unique name."""
    connections = call.commands.connections
    connection_id, executed = await connections.create(context_of(call), new_connection_of(call.body))
    return _answer(connection_id, executed.shown, executed.written, 201)


async def update_connection(call: Call) -> Response:
    """Replace the properties in the body; `options` is replaced as a whole."""
    change = change_of(call.body)
    executed = await call.commands.connections.change(
        context_of(call), call.path("id"), lambda current: decide_change(current, change)
    )
    shown = executed.state if executed.written is None else executed.shown
    return _answer(call.path("id"), shown, executed.written, 200)


async def list_enabled_clients(call: Call) -> Response:
    """Return a page of the clients that may use the connection, sorted by id."""
    stored = await call.commands.connections.store.get(call.tenant, call.path("id"))
    enabled: set[str] = {*stored.connection.document.get("enabled_clients", ())}
    return paging.answer(
        call,
        sorted(enabled),
        "clients",
        lambda client_id: client_id,
        lambda client_id: {"client_id": client_id},
    )


async def update_enabled_clients(call: Call) -> Response:
    """Enable or disable the clients in the body; the others remain unchanged."""
    body: ClientStatuses = call.body
    statuses = [(one.client_id, one.status) for one in body.root]
    executed = await call.commands.connections.change(
        context_of(call), call.path("id"), lambda current: decide_clients(current, statuses)
    )
    return responses.after_write(executed.written, responses.nothing())


async def delete_connection(call: Call) -> Response:
    """Delete a connection and return 202 with the time; 204 for an unknown connection."""
    executed = await call.commands.connections.remove(context_of(call), call.path("id"))
    if executed is None or executed.command is None or executed.written is None:
        return responses.nothing()
    headers = {responses.POSITION: str(executed.written.position)}
    return responses.value({"deleted_at": render(executed.command.now)}, 202, headers)


def new_connection_of(body: CreateConnection) -> NewConnection:
    """Return the input of the command that creates this connection."""
    return NewConnection(body.name, body.strategy, change_of(body))


def change_of(body: ConnectionBody) -> ConnectionChange:
    """Return the input of the command that makes these changes."""
    given = body.model_dump(include={*_SETTINGS}, exclude_unset=True)
    return ConnectionChange({name: given[name] for name in _SETTINGS if name in given}, body.options)


def _answer(
    connection_id: str, shown: StoredConnection | None, written: Written | None, status: int
) -> Response:
    """Return the connection as the view shows it."""
    if shown is None:
        assert written is not None  # the view does not show the change yet
        return responses.accepted(written.position, {"id": connection_id})
    position = None if written is None else written.position
    headers = responses.revision_headers(shown.connection.revision, position)
    return responses.document(shown.text, status, headers)


async def _opened(call: Call, rows: Sequence[asyncpg.Record]) -> list[str]:
    """Return the documents of connections with their secrets decrypted."""
    return await open_documents(call.service.storage.database, call.keyring, call.tenant, rows)


async def _at_offset(call: Call, query: ListConnections) -> Response:
    start, total = query.page * query.per_page, 0
    asked = call.tenant, query.strategy, query.name
    async with call.connection() as connection:
        rows = await connections.list_connections(connection, *asked, limit=query.per_page, offset=start)
        if query.include_totals:
            total = await connections.count_connections(connection, *asked)
    shown = await _shown(call, rows, query)
    if not query.include_totals:
        return responses.document(shown)
    parts = {"total": total, "start": start, "limit": query.per_page, "connections": None}
    return responses.document(presenting.wrapped(parts, {"connections": shown}))


async def _after_cursor(call: Call, query: ListConnections) -> Response:
    take, after = query.take or paging.DEFAULT_TAKE, paging.cursor_position(call, query.after)
    async with call.connection() as connection:
        rows = await connections.list_connections(
            connection, call.tenant, query.strategy, query.name, limit=take + 1, after=after
        )
    parts: dict[str, Any] = {"connections": None}
    if len(rows) > take:
        parts["next"] = paging.cursor(call, rows[take - 1]["name"])
    return responses.document(
        presenting.wrapped(parts, {"connections": await _shown(call, rows[:take], query)})
    )


async def _shown(call: Call, rows: Sequence[asyncpg.Record], query: ListConnections) -> bytes:
    names, texts = presenting.field_names(query.fields), await _opened(call, rows)
    return presenting.array(presenting.present(text, names, query.include_fields) for text in texts)


_COMMON: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
}
_WRITE: Final[Mapping[int, str]] = {
    202: "Accepted.",
    **_COMMON,
    413: "The body is too large.",
    503: "The service is temporarily unavailable. The outcome may be unknown.",
}
_OTHER_REVISION: Final = "The revision differs from the one in If-Match."
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/connections",
        handler=list_connections,
        scopes=("read:connections",),
        tag="connections",
        summary="List connections",
        description="Returns a page of connections, sorted by name.",
        query=ListConnections,
        result=listed(Connection, "connections"),
        responses={200: "Connections.", **_COMMON},
    ),
    Operation(
        method="POST",
        path="/api/v2/connections",
        handler=create_connection,
        scopes=("create:connections",),
        tag="connections",
        summary="Create a connection",
        description="Creates a connection. Its name must be unique within the tenant.",
        body=CreateConnection,
        result=Connection,
        responses={201: "The connection.", **_WRITE, 409: "A connection with the same name already exists."},
    ),
    Operation(
        method="GET",
        path="/api/v2/connections/{id}",
        handler=get_connection,
        scopes=("read:connections",),
        tag="connections",
        summary="Get a connection",
        description="Returns one connection.",
        query=ConnectionFields,
        result=Connection,
        responses={200: "The connection.", 304: "Not modified.", **_COMMON, 404: "No such connection."},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/connections/{id}",
        handler=update_connection,
        scopes=("update:connections",),
        tag="connections",
        summary="Update a connection",
        description=(
            "Updates the properties that the body names; all others remain unchanged. `options` is replaced"
            " as a whole."
        ),
        body=UpdateConnection,
        result=Connection,
        responses={200: "The connection.", **_WRITE, 404: "No such connection.", 412: _OTHER_REVISION},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/connections/{id}",
        handler=delete_connection,
        scopes=("delete:connections",),
        tag="connections",
        summary="Delete a connection",
        description=(
            "Deletes a connection. Returns 202 with the time of the deletion, or 204 if the connection does"
            " not exist."
        ),
        result=Deleted,
        responses={**_WRITE, 204: "The connection does not exist.", 412: _OTHER_REVISION},
    ),
    Operation(
        method="GET",
        path="/api/v2/connections/{id}/clients",
        handler=list_enabled_clients,
        scopes=("read:connections",),
        tag="connections",
        summary="Get enabled clients for a connection",
        description="Returns a page of the clients for which the connection is enabled, sorted by client id.",
        query=CheckpointPage,
        result=listed(EnabledClient, "clients", offset=False),
        responses={200: "Clients.", **_COMMON, 404: "No such connection."},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/connections/{id}/clients",
        handler=update_enabled_clients,
        scopes=("update:connections",),
        tag="connections",
        summary="Update enabled clients for a connection",
        description=(
            "Enables or disables the connection for the clients that the body names; all others remain"
            " unchanged."
        ),
        body=ClientStatuses,
        responses={**_WRITE, 204: "Updated.", 404: "No such connection.", 412: _OTHER_REVISION},
    ),
)
