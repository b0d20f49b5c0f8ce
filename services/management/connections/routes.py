"""GET, POST, PATCH and DELETE of connections."""

import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from projections.connection.fold import Connection
from projections.connection.row import connection_of
from schemas.events import Event
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.formats.instants import render
from services.commands.conflict_retry import Conflict, retry_on_conflict
from services.commands.context import Command, to_events
from services.commands.outcome import Accepted
from services.commands.reserve import claim
from services.commands.settings import configuration
from services.commands.settings.connections import CONNECTION_BUSY, CONNECTION_EXISTS, NO_SUCH_CONNECTION
from services.commands.settings.decide_connection import (
    decide_change,
    decide_clients,
    decide_new,
    decide_removal,
)
from services.commands.writer import Written
from services.ledger import reservations
from services.management.connections.models import (
    ClientStatuses,
    ConnectionFields,
    CreateConnection,
    EnabledClient,
    ListConnections,
    UpdateConnection,
)
from services.management.http import paging, responses
from services.management.http import present as presenting
from services.management.http.command_context import (
    command_of,
    expected_revision,
    has_revision,
    names_revision,
)
from services.management.http.models.paging import CheckpointPage, listed
from services.management.http.models.results import Connection as Shown
from services.management.http.models.results import Deleted
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.queries import connections
from services.queries.connections import find_connection, open_documents
from services.runtime.rejection import Rejected

_ID_LETTERS: Final = string.ascii_lowercase + string.digits


async def list_connections(call: Call) -> Response:
    """A page of connections by name."""
    query: ListConnections = call.query
    by_cursor = query.take is not None or query.after is not None
    return await (_after_cursor if by_cursor else _at_offset)(call, query)


async def get_connection(call: Call) -> Response:
    """One connection."""
    query: ConnectionFields = call.query
    found = await _find(call)
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
    """A connection with a name of its own."""
    body: CreateConnection = call.body
    connection_id = "con_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(16))
    command, accepted = command_of(call), decide_new(body, connection_id)
    events = to_events(command, tenant_subject(call.tenant), accepted.drafts)
    await _claim_name(call, connection_id, accepted, events)
    written = await configuration.write(call, events)
    return await _answer(call, connection_id, written, 201)


async def update_connection(call: Call) -> Response:
    """What the body names is replaced; `options` wholly."""
    body: UpdateConnection = call.body

    async def attempt() -> Response:
        current = await _current(call)
        if current is None:
            raise Rejected(NO_SUCH_CONNECTION)
        expected_revision(call.request.headers, current.revision)
        accepted = decide_change(current, body, current.revision)
        if not accepted.drafts:
            return await _answer(call, current.id, None, 200)
        written = await _take_effect(call, command_of(call), accepted)
        return await _answer(call, current.id, written, 200)

    return await retry_on_conflict(attempt, CONNECTION_BUSY, names_revision(call.request.headers))


async def list_enabled_clients(call: Call) -> Response:
    """A page of the clients that may use the connection, by id."""
    current = await _current(call)
    if current is None:
        raise Rejected(NO_SUCH_CONNECTION)
    enabled: set[str] = {*current.document.get("enabled_clients", ())}
    return paging.answer(
        call,
        sorted(enabled),
        "clients",
        lambda client_id: client_id,
        lambda client_id: {"client_id": client_id},
    )


async def update_enabled_clients(call: Call) -> Response:
    """The named clients are enabled or disabled; the others stay as they are."""

    async def attempt() -> Response:
        current = await _current(call)
        if current is None:
            raise Rejected(NO_SUCH_CONNECTION)
        expected_revision(call.request.headers, current.revision)
        accepted = decide_clients(current, call.body, current.revision)
        if not accepted.drafts:
            return responses.nothing()
        return configuration.removed(
            await _take_effect(call, command_of(call), accepted), responses.nothing()
        )

    return await retry_on_conflict(attempt, CONNECTION_BUSY, names_revision(call.request.headers))


async def delete_connection(call: Call) -> Response:
    """202 with the time; 204 for one that is not there (any more)."""

    async def attempt() -> Response:
        current = await _current(call)
        if current is None:
            return responses.nothing()
        expected_revision(call.request.headers, current.revision)
        command = command_of(call)
        written = await _take_effect(call, command, decide_removal(current, current.revision))
        await _release_name(call, current.name)
        headers = {responses.POSITION: str(written.position)}
        return responses.value({"deleted_at": render(command.now)}, 202, headers)

    return await retry_on_conflict(attempt, CONNECTION_BUSY, names_revision(call.request.headers))


async def _take_effect(call: Call, command: Command, accepted: Accepted) -> Written:
    """Appends a change that only counts for the revision it was decided on. Raises Conflict when the view
    shows that another came first, or right after."""
    events = to_events(command, tenant_subject(call.tenant), accepted.drafts)
    written = await configuration.write(call, events)
    row = await _find(call, living=False) if written.visible else None
    if written.visible and (row is None or str(row["event_id"]) != events[0].id):
        raise Conflict
    return written


async def _release_name(call: Call, name: str) -> bool:
    """Frees the name of a connection that is not there any more; whether there was anything to free."""
    async with call.service.database.connection(call.tenant) as connection:
        return await reservations.release_connection_name(connection, call.tenant, name)


async def _find(call: Call, living: bool = True) -> Any:
    async with call.service.database.connection(call.tenant) as connection:
        return await find_connection(connection, call.tenant, call.path("id"), deleted=not living)


async def _current(call: Call) -> Connection | None:
    """The living connection, with its secrets: a change of it carries all of them."""
    row = await _find(call)
    if row is None:
        return None
    (text,) = await _opened(call, [row])
    return connection_of(row, exact_json.loads(text))


async def _opened(call: Call, rows: Sequence[Any]) -> list[str]:
    """The documents of connections with the secrets in them open."""
    return await open_documents(call.service.database, call.service.keyring, call.tenant, rows)


async def _claim_name(call: Call, connection_id: str, accepted: Accepted, events: tuple[Event, ...]) -> None:
    wanted = accepted.claims
    try:
        await claim(call, connection_id, wanted, events, lambda: _release_name(call, wanted[0].value))
    except reservations.Taken:
        raise Rejected(CONNECTION_EXISTS) from None


async def _answer(call: Call, connection_id: str, written: Written | None, status: int) -> Response:
    """What the view shows."""
    position = None if written is None else written.position
    if written is not None and not written.visible:
        body = {"status": "accepted", "position": str(position), "id": connection_id}
        return responses.value(body, 202, {responses.POSITION: str(position)})
    async with call.service.database.connection(call.tenant) as connection:
        row = await find_connection(connection, call.tenant, connection_id, deleted=True)
    assert row is not None
    (text,) = await _opened(call, [row])
    return responses.document(text, status, responses.revision_headers(row["revision"], position))


async def _at_offset(call: Call, query: ListConnections) -> Response:
    start, total = query.page * query.per_page, 0
    asked = call.tenant, query.strategy, query.name
    async with call.service.database.connection(call.tenant) as connection:
        rows = await connections.list_connections(connection, *asked, limit=query.per_page, offset=start)
        if query.include_totals:
            total = await connections.count_connections(connection, *asked)
    shown = await _shown(call, rows, query)
    if not query.include_totals:
        return responses.document(shown)
    parts = {"total": total, "start": start, "limit": query.per_page, "connections": None}
    return responses.document(presenting.wrapped(parts, {"connections": shown}))


async def _after_cursor(call: Call, query: ListConnections) -> Response:
    take, after = query.take or paging.DEFAULT_TAKE, paging.place_of(call, query.after)
    async with call.service.database.connection(call.tenant) as connection:
        rows = await connections.list_connections(
            connection, call.tenant, query.strategy, query.name, limit=take + 1, after=after
        )
    parts: dict[str, Any] = {"connections": None}
    if len(rows) > take:
        parts["next"] = paging.cursor(call, rows[take - 1]["name"])
    return responses.document(
        presenting.wrapped(parts, {"connections": await _shown(call, rows[:take], query)})
    )


async def _shown(call: Call, rows: Sequence[Any], query: ListConnections) -> bytes:
    names, texts = presenting.field_names(query.fields), await _opened(call, rows)
    return presenting.array(presenting.present(text, names, query.include_fields) for text in texts)


_COMMON: Final[Mapping[int, str]] = {
    400: "Invalid request.",
    401: "Invalid token.",
    403: "Insufficient scope.",
}
_WRITE: Final[Mapping[int, str]] = {
    202: "Accepted.", **_COMMON, 413: "Body too large.", 503: "Not available now; outcome unknown.",
}  # fmt: skip
_OTHER_REVISION: Final = "If-Match names another revision."
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
        result=listed(Shown, "connections"),
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
        result=Shown,
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
        result=Shown,
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
        result=Shown,
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
        responses={**_WRITE, 204: "It was not there.", 412: _OTHER_REVISION},
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
