"""API clients found, written and waited for: each change is decided on one revision and counts for that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from projections.client.fold import Client
from schemas.events import ClientConfigured, ClientConfiguredData
from schemas.formats.exact_json import same
from schemas.formats.identifiers import tenant_subject
from services.commands.conflict_retry import Conflict, retry_on_conflict
from services.commands.context import to_events
from services.commands.outcome import Draft
from services.commands.settings import configuration
from services.commands.writer import Written
from services.management.http.command_context import command_of, expected_revision, names_revision
from services.management.http.requests import Call
from services.queries.clients import find_client, find_client_event, list_clients
from services.runtime.rejection import Rejected, Rejection

NO_SUCH_CLIENT: Final = Rejection("not_found", "The client does not exist", "inexistent_client")
_BUSY: Final = Rejection("conflict", "The client is being changed by others. Please try again.")


@dataclass(frozen=True, slots=True)
class Changed:
    """A client after a command; `written` is None when nothing had to be written."""

    client: Client
    written: Written | None


async def all_clients(call: Call) -> tuple[list[Client], Callable[[Client], Client]]:
    """The living clients of the tenant, with their secrets sealed, and what opens one of them."""
    async with call.service.database.connection(call.tenant) as connection:
        return await list_clients(connection, call.service.keyring, call.tenant)


async def find(call: Call, client_id: str) -> Client | None:
    """The living client of this id."""
    async with call.service.database.connection(call.tenant) as connection:
        return await find_client(connection, call.service.keyring, call.tenant, client_id)


async def living(call: Call, client_id: str) -> Client:
    """The same. Raises Rejected (404)."""
    found = await find(call, client_id)
    if found is None:
        raise Rejected(NO_SUCH_CLIENT)
    return found


async def create(call: Call, client: Client) -> Changed:
    """A client under an id that nobody has."""
    return await _write(call, client, 0)


async def change(call: Call, client_id: str, decide: Callable[[Client], Client]) -> Changed:
    """The client as `decide` makes it; decided anew when another change came first.

    Raises Rejected: 404, 412 for another revision than that of `If-Match`, 409 when others keep coming first.
    """
    headers = call.request.headers

    async def attempt() -> Changed:
        current = await living(call, client_id)
        expected_revision(headers, current.revision)
        decided = decide(current)
        if decided == current and same(dict(decided.settings), dict(current.settings)):
            return Changed(current, None)
        changed = await _write(call, decided, current.revision)
        if not await _took_effect(call, changed):
            raise Conflict
        return changed

    return await retry_on_conflict(attempt, _BUSY, names_revision(headers))


async def _took_effect(call: Call, changed: Changed) -> bool:
    if changed.written is None or not changed.written.visible:
        return True
    async with call.service.database.connection(call.tenant) as connection:
        shown = await find_client_event(connection, call.tenant, changed.client.client_id)
    return shown == changed.client.event_id


async def _write(call: Call, client: Client, revision: int) -> Changed:
    data = ClientConfiguredData(
        client_id=client.client_id,
        name=client.name,
        scopes=client.scopes,
        secret_hash=client.secret_hash,
        deleted=client.deleted,
        settings=dict(client.settings),
        expected_revision=revision,
    )
    (event,) = to_events(command_of(call), tenant_subject(call.tenant), (Draft(ClientConfigured, data),))
    written = await configuration.write(call, (event,))
    return Changed(replace(client, event_id=event.id, revision=revision + 1), written)
