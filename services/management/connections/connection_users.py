"""DELETE /connections/{id}/users: deletes a user of a database connection by address (fact sheet §4.4)."""

from typing import Final

from starlette.responses import Response

from projections.connection.row import connection_of
from services.commands.settings.connections import NO_SUCH_CONNECTION
from services.commands.users.edit_rules import NOT_SUPPORTED
from services.commands.users.sources import kind_of
from services.ledger.reservations import Reservation
from services.management.connections.models import ConnectionUser
from services.management.http import responses
from services.management.http.command_context import context_of
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.queries.connections import find_connection
from services.queries.users import find_user_id_by_email
from services.runtime.rejection import Rejected


async def delete_connection_user(call: Call) -> Response:
    """Delete the user with this address in the connection, and release a reservation of the address that a
    crash left behind; 204 also for an unknown user.

    Raises Rejected (not_found) for an unknown connection, Rejected (invalid) for one whose users Vita does
    not store, and Transient.
    """
    query: ConnectionUser = call.query
    email = query.email.lower()
    async with call.connection() as connection:
        row = await find_connection(connection, call.tenant, call.path("id"))
        if row is None:
            raise Rejected(NO_SUCH_CONNECTION)
        known = connection_of(row)
        if kind_of(known) not in ("store", "custom_database"):
            raise Rejected(NOT_SUPPORTED)
        user_id = await find_user_id_by_email(connection, call.tenant, known.name, email)
    await call.service.background.recovery.reconciler.settle(
        call.tenant, [Reservation(known.name, "email", email)]
    )
    if user_id is None:
        return responses.nothing()
    written = await call.commands.users.delete(context_of(call), user_id)
    return responses.after_write(written, responses.nothing())


OPERATIONS: Final = (
    Operation(
        method="DELETE",
        path="/api/v2/connections/{id}/users",
        handler=delete_connection_user,
        scopes=("delete:users",),
        group="delete_users",
        tag="connections",
        summary="Delete a connection user",
        description=(
            "Deletes the user who has the given email address in the connection and releases an address"
            " that is reserved for a user who was never created. Returns 204 also if there is no such user."
        ),
        query=ConnectionUser,
        responses={202: "Accepted; the view does not show it yet.", 204: "Deleted.", 404: NO_SUCH_CONNECTION},
    ),
)
